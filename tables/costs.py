"""What an execution costs beside its price: fee, slippage and latency, small functions that an instrument chooses from.

Latency is event time. Its draw is a function of the command's place in the log, so a replay draws the same.
"""

from collections.abc import Callable
from hashlib import sha256
from typing import Literal, NamedTuple

from streams import money
from streams.ids import Ref
from streams.instruments import Instrument

SEED = 0
NS_PER_MS = 1_000_000
BPS = 10_000
IMPACT_MAX = 5
"""Beyond this many times the displayed size the impact grows no more."""

Purpose = Literal["order", "cancel", "replace"]


def fee(notional: int, rate: int) -> int:
    """Money units charged on a notional in money units; rate: integers of 0.01 basis point."""
    return money.fee(notional, rate)


class Taking(NamedTuple):
    """What a taker meets. price, spread: ticks, spread 0 where a side is absent; qty, displayed: lots."""

    price: int
    spread: int
    qty: int
    displayed: int


def slippage_ticks(instrument: Instrument, taking: Taking) -> int:
    """Ticks by which a taker fills worse than the book shows, rounded up."""
    return SLIPPAGE[instrument.slippage](instrument, taking)


def _none(instrument: Instrument, taking: Taking) -> int:
    return 0


def _fixed_bps(instrument: Instrument, taking: Taking) -> int:
    return _up(taking.price * instrument.slippage_bps, BPS)


def _spread_vol(instrument: Instrument, taking: Taking) -> int:
    """slippage_bps + half the spread + volatility, as parts of the price."""
    bps = instrument.slippage_bps + instrument.slippage_volatility_bps
    return _up(2 * taking.price * bps + taking.spread * BPS, 2 * BPS)


def _impact(instrument: Instrument, taking: Taking) -> int:
    """slippage_bps x (1 + min(quantity / displayed, IMPACT_MAX))."""
    base, displayed = taking.price * instrument.slippage_bps, max(1, taking.displayed)
    return _up(base * (displayed + min(taking.qty, IMPACT_MAX * displayed)), BPS * displayed)


SLIPPAGE: dict[str, Callable[[Instrument, Taking], int]] = {
    "none": _none,
    "fixed_bps": _fixed_bps,
    "spread_vol": _spread_vol,
    "impact": _impact,
}
"""By the name that an instrument gives."""


def latency_ns(instrument: Instrument, command: Ref, purpose: Purpose, seed: int = SEED) -> int:
    """What a command waits before it takes effect, in ns. command: its record on `orders.accepted`."""
    return LATENCY[instrument.latency](instrument, command, purpose, seed)


def _zero(instrument: Instrument, command: Ref, purpose: Purpose, seed: int) -> int:
    return 0


def _constant(instrument: Instrument, command: Ref, purpose: Purpose, seed: int) -> int:
    return instrument.latency_low_ms * NS_PER_MS


def _uniform(instrument: Instrument, command: Ref, purpose: Purpose, seed: int) -> int:
    low = instrument.latency_low_ms * NS_PER_MS
    span = instrument.latency_high_ms * NS_PER_MS - low + 1
    text = f"{seed}|{command.topic}|{command.partition}|{command.offset}|{purpose}"
    return low + int.from_bytes(sha256(text.encode()).digest()) % span


LATENCY: dict[str, Callable[[Instrument, Ref, Purpose, int], int]] = {
    "zero": _zero,
    "constant": _constant,
    "uniform": _uniform,
}
"""By the name that an instrument gives: none, latency_low_ms, or a draw from [latency_low_ms, latency_high_ms]."""


def _up(numerator: int, denominator: int) -> int:
    return -(-numerator // denominator)
