"""A new order beside everything that the gate needs to know about it, in ticks and lots."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from streams import control, money
from streams.instruments import Instrument
from streams.orders import New
from tables.account import Balance
from tables.account_tables import AccountTables
from tables.exposure import Exposure
from tables.marks import View
from tables.orders import LiveOrder, OpenLots, pair
from tables.position import Position

PRICE_TICKS_MAX = 10**15


class Refusal(NamedTuple):
    """Why an order is refused: the reason code, and the numbers that were compared."""

    reason: str
    detail: str = ""


@dataclass(slots=True)
class Candidate:
    """One new order on its way through the gate.

    side: 1 buy, -1 sell. Rows are None where there is no record. Quantities in lots, prices in ticks, 0 = not given;
    refused: why its numbers could not be read; exposure: of the account with this order open.
    is_reducing: it can only reduce, so checks meant for entries do not apply.
    """

    command: New
    clock: int
    side: int
    instrument: Instrument | None
    profile: control.Account | None
    limits: control.Limits | None
    mark: View | None
    position: Position
    open: OpenLots
    balance: Balance
    qty: int = 0
    price: int = 0
    stop_price: int = 0
    stop_loss: int = 0
    take_profit: int = 0
    refused: Refusal | None = None
    exposure: Exposure | None = None
    is_reducing: bool = False

    @property
    def type(self) -> Literal["market", "limit", "stop"]:
        """As sent."""
        return self.command.type

    @property
    def tif(self) -> Literal["GTC", "IOC", "FOK"]:
        """As sent, or the default: a market order takes what is there, anything else stays until done."""
        return self.command.tif or ("IOC" if self.type == "market" else "GTC")

    @property
    def is_cash(self) -> bool:
        """A cash account holds no shorts and no negative cash."""
        return self.profile is not None and self.profile.type == "cash"

    @property
    def opposes(self) -> bool:
        """Its side is against the net position."""
        return self.side * self.position.qty < 0

    @property
    def reducible(self) -> int:
        """Lots of the position that no open reducing order has claimed yet."""
        if not self.opposes:
            return 0
        return max(0, abs(self.position.qty) - self.open.reducing(self.side))

    @property
    def reference2(self) -> int:
        """The price that it is judged by, in half ticks: its limit, its stop, else the mark; 0 = unknown."""
        if self.price or self.stop_price:
            return 2 * (self.price or self.stop_price)
        return 0 if self.mark is None else max(0, self.mark.mid2)

    def as_live(self, reserved_lot: int, limit: int) -> LiveOrder:
        """The order as the account side will remember it once accepted."""
        command = self.command
        return LiveOrder(
            account=command.account,
            client_order_id=command.client_order_id,
            symbol=command.symbol,
            side=self.side,
            qty=self.qty,
            reserved_lot=reserved_lot,
            reduce_only=command.reduce_only,
            reducing=self.is_reducing,
            limit=limit,
            strategy=command.strategy or "",
        )


def look_up(command: New, clock: int, tables: AccountTables) -> Candidate:
    """The order beside its rows, with its numbers read."""
    symbol_key = pair(command.account, command.symbol)
    instrument = tables.instruments.get(command.symbol)
    currency = "" if instrument is None else instrument.quote
    candidate = Candidate(
        command=command,
        clock=clock,
        side=1 if command.side == "buy" else -1,
        instrument=instrument,
        profile=tables.profiles.get(command.account),
        limits=tables.limits.get(command.account),
        mark=tables.marks.get(command.symbol),
        position=tables.positions.get(symbol_key) or Position(),
        open=tables.open_lots.get(symbol_key) or OpenLots(),
        balance=tables.balances.get(pair(command.account, currency)) or Balance(),
    )
    if instrument is not None:
        candidate.refused = _read_numbers(candidate, instrument)
    candidate.is_reducing = command.reduce_only or (
        command.bracket is None and 0 < candidate.qty <= candidate.reducible
    )  # larger than that, it is an entry as a whole
    return candidate


def _read_numbers(candidate: Candidate, instrument: Instrument) -> Refusal | None:
    """Fill in ticks and lots; the first number that is none decides."""
    command, bracket = candidate.command, candidate.command.bracket
    texts = {"price": command.price, "stop_price": command.stop_price}
    if bracket is not None:
        texts["stop_loss"] = bracket.stop_loss.stop_price
        texts["take_profit"] = bracket.take_profit.price if bracket.take_profit else None
    qty = _steps("QTY", "qty", command.qty, instrument.lot_units)
    if isinstance(qty, Refusal):
        return qty
    candidate.qty = qty
    for name, text in texts.items():
        if text is None:
            continue
        ticks = _steps("PRICE", name, text, instrument.tick_units)
        if isinstance(ticks, Refusal):
            return ticks
        if not ticks <= PRICE_TICKS_MAX:
            return Refusal("PRICE_RANGE", f"{name} {text} > {PRICE_TICKS_MAX} ticks")
        setattr(candidate, name, ticks)
    return None


def _steps(kind: str, name: str, text: str, step: int) -> int | Refusal:
    """A positive decimal as a whole number of steps."""
    try:
        units = money.parse(text)
    except ValueError:
        return Refusal("BAD_NUMBER", f"{name} is not a plain decimal")
    if not units > 0:
        return Refusal(f"{kind}_NOT_POSITIVE", f"{name} {text}")
    count, rest = divmod(units, step)
    if rest:
        suffix = "LOT" if kind == "QTY" else "TICK"
        return Refusal(f"{kind}_OFF_{suffix}", f"{name} {text}, step {money.text(step)}")
    return count
