"""The depeg guard: a currency that has left its peg, or whose peg is not seen, is no money to trade in."""

import msgspec

from streams.instruments import Instrument
from tables import hysteresis
from tables.marks import View

TRIP_BPS, CLEAR_BPS = 75, 15
SECOND_NS = 10**9
HOLD_NS = 300 * SECOND_NS
SILENCE_NS = 180 * SECOND_NS


class Peg(msgspec.Struct, frozen=True):
    """Of one currency. symbol: the one that shows it; state: of `hysteresis`; seen: time (ns) of its last mark."""

    symbol: str
    state: int = hysteresis.CLOSED
    seen: int = 0


def follow(peg: Peg, instrument: Instrument, mark: View) -> Peg:
    """The peg after a mark of its symbol; only the price of a live book says anything."""
    if mark.status != "live":
        return peg
    price2, twice = mark.mid2 * instrument.tick_units, 2 * instrument.peg_units
    off = abs(price2 - twice) * 10_000
    state = hysteresis.step(
        peg.state,
        breach=off >= TRIP_BPS * twice,
        calm=off <= CLEAR_BPS * twice,
        now=mark.time,
        hold=HOLD_NS,
    )
    return Peg(peg.symbol, state, mark.time)


def tripped(peg: Peg, clock_ns: int) -> str:
    """Why the currency is refused; "" where it stands at its peg."""
    if not peg.seen:
        return f"{peg.symbol}: no price"
    silence = clock_ns - peg.seen
    if not silence <= SILENCE_NS:
        return f"{peg.symbol}: no price for {silence // SECOND_NS} s"
    return f"{peg.symbol}: off its peg" if peg.state != hysteresis.CLOSED else ""
