"""Average-cost positions: the exact fold of fills, netted by account and symbol."""

from typing import NamedTuple

import msgspec

from streams import money
from streams.instruments import Instrument

AVERAGE_DECIMALS = 12


class Position(msgspec.Struct):
    """One symbol of one account.

    qty: lots, signed. cost: money of the open quantity, never negative; gross, fees, volume: money since the first
    fill. opened_at: event time of the first fill of this cycle; cycle: how often the position has been opened.
    """

    qty: int = 0
    cost: int = 0
    gross: int = 0
    fees: int = 0
    volume: int = 0
    opened_at: int = 0
    cycle: int = 0
    fill_id: str = ""

    @property
    def side(self) -> int:
        """1 long, -1 short, 0 flat."""
        return (self.qty > 0) - (self.qty < 0)

    @property
    def net(self) -> int:
        """Realised after fees, which count at once."""
        return self.gross - self.fees

    @property
    def signed_cost(self) -> int:
        """Cost as an asset: negative for a short."""
        return self.side * self.cost


class Part(NamedTuple):
    """The closing or the opening part of one fill; qty: lots, notional and fee: money."""

    qty: int
    notional: int
    fee: int


def split(position: Position, side: int, fill: Part) -> tuple[Part, Part]:
    """The parts of a fill that close and open; the fee goes by quantity, the opened part takes the rest."""
    closing = min(fill.qty, abs(position.qty)) if position.qty * side < 0 else 0
    notional = (
        fill.notional // fill.qty * closing
    )  # a fill has one price, so a lot has one notional
    fee = fill.fee * closing // fill.qty
    closed = Part(closing, notional, fee)
    return closed, Part(fill.qty - closing, fill.notional - notional, fill.fee - fee)


def apply(position: Position, side: int, fill: Part, time: int) -> None:
    """Change a position by one fill. side: 1 buy, -1 sell."""
    closed, opened = split(position, side, fill)
    if closed.qty:
        _close(position, closed)
    if opened.qty:
        _open(position, side, opened, time)
    position.volume += fill.notional


def _close(position: Position, part: Part) -> None:
    held = abs(position.qty)
    removed = position.cost
    if part.qty < held:  # the one rounding: it stays in the cost, so a flat position has cost 0
        removed = money.half_even(position.cost * part.qty, held)
    position.gross += position.side * (part.notional - removed)
    position.fees += part.fee
    position.cost -= removed
    position.qty -= position.side * part.qty


def _open(position: Position, side: int, part: Part, time: int) -> None:
    if position.qty == 0:
        position.opened_at = time
        position.cycle += 1
    position.qty += side * part.qty
    position.cost += part.notional
    position.fees += part.fee


def average_price(position: Position, instrument: Instrument) -> str:
    """Cost of one unit, for display only: rounded to 12 decimals and never read back."""
    if position.qty == 0:
        return "0"
    lot_value = abs(position.qty) * instrument.tick_lot_value
    coarse = 10 ** (money.SCALE - AVERAGE_DECIMALS)
    units = money.half_even(position.cost * instrument.tick_units, lot_value * coarse)
    return money.text(units * coarse)
