"""A new order, or a live one under new terms, beside everything that the gate needs to know about it."""

from dataclasses import dataclass
from typing import NamedTuple

from streams import control
from streams.instruments import Instrument
from streams.messages import OrderType, TimeInForce
from streams.orders import New
from tables.account import Balance
from tables.exposure import Exposure
from tables.marks import View
from tables.orders import LiveOrder, OpenLots, Terms
from tables.position import Position
from tables.profiles import Profile

MARKET_STOPS = frozenset({"stop", "trailing_stop"})
"""Types that are market orders once they have triggered."""

BPS = 10_000


class Refusal(NamedTuple):
    """Why an order is refused: the reason code, and the numbers that were compared."""

    reason: str
    detail: str = ""


@dataclass(slots=True)
class Candidate:
    """One order on its way through the gate, in ticks and lots.

    side: 1 buy, -1 sell. Rows are None where there is no record. Quantities in lots, prices in ticks, 0 = not given;
    created_at, expire_at: ns, 0 = never. open: open lots of the symbol, what this order replaces not counted. replaces:
    the live order whose terms it changes. refused: why its numbers could not be read. agreed: the terms it gets.
    exposure: of the account with this order open. is_reducing: it can only reduce, so checks meant for entries do not
    apply. mode: decided for it, "" = refused. rates: maker and taker, integers of 0.01 bp. watchdog: what the watchdog
    found.
    """

    command: New
    clock: int
    side: int
    instrument: Instrument | None
    profile: control.Account | None
    limits: Profile | None
    mark: View | None
    position: Position
    open: OpenLots
    balance: Balance
    rates: tuple[int, int] = (0, 0)
    created_at: int = 0
    expire_at: int = 0
    qty: int = 0
    price: int = 0
    stop_price: int = 0
    stop_loss: int = 0
    take_profit: int = 0
    replaces: LiveOrder | None = None
    refused: Refusal | None = None
    agreed: Terms | None = None
    exposure: Exposure | None = None
    is_reducing: bool = False
    mode: str = ""
    watchdog: str = ""

    @property
    def type(self) -> OrderType:
        """As sent."""
        return self.command.type

    @property
    def tif(self) -> TimeInForce:
        """As sent, or the default: a market order takes what is there, anything else stays until done."""
        return self.command.tif or ("IOC" if self.command.type == "market" else "GTC")

    @property
    def is_cash(self) -> bool:
        """A cash account holds no shorts and no negative cash."""
        return self.profile is not None and self.profile.type == "cash"

    @property
    def opposes(self) -> bool:
        """Its side is against the net position."""
        return self.side * self.position.qty < 0

    @property
    def refused_mode(self) -> str:
        """The mode of its account, as a refusal names it."""
        return f"account mode {self.profile.mode!a}" if self.profile else "no account"

    @property
    def reducible(self) -> int:
        """Lots of the position that no other open reducing order has claimed yet."""
        if not self.opposes:
            return 0
        return max(0, abs(self.position.qty) - self.open.reducing(self.side))

    @property
    def lots(self) -> int:
        """Lots that it would have open: all of a new order, what is not filled of a replaced one."""
        return self.qty if self.replaces is None else max(0, self.qty - self.replaces.filled)

    @property
    def held(self) -> int:
        """Money units that the order it replaces holds already."""
        old = self.replaces
        return 0 if old is None else old.reserved_lot * old.remaining

    @property
    def trail_ticks(self) -> int:
        """Of a trailing stop that trails by ticks."""
        trail = self.command.trail
        return 0 if trail is None else trail.ticks or 0

    @property
    def trail_bps(self) -> int:
        """Of a trailing stop that trails by basis points."""
        trail = self.command.trail
        return 0 if trail is None else trail.bps or 0

    @property
    def reference2(self) -> int:
        """The price that it is judged by, in half ticks: its limit, its stop, else the mark; 0 = unknown.

        A trailing stop is judged where it would stand were it active now; from there it only comes closer.
        """
        if self.price or self.stop_price:
            return 2 * (self.price or self.stop_price)
        mid2 = 0 if self.mark is None else max(0, self.mark.mid2)
        if mid2 and self.command.trail is not None:
            distance = 2 * self.trail_ticks or -(-mid2 * self.trail_bps // BPS)
            return max(0, mid2 + self.side * distance)
        return mid2

    def as_live(self, terms: Terms, state: str = "ACCEPTED") -> LiveOrder:
        """The order as the account side will remember it once accepted."""
        command = self.command
        return LiveOrder(
            account=command.account,
            client_order_id=command.client_order_id,
            symbol=command.symbol,
            side=self.side,
            type=command.type,
            terms=terms,
            reduce_only=command.reduce_only,
            strategy=command.strategy or "",
            state=state,
            maker_rate=self.rates[0],
            taker_rate=self.rates[1],
            protection_bps=command.protection_bps,
            stop_loss=self.stop_loss,
            take_profit=self.take_profit,
            is_bracketed=command.bracket is not None,
            accepted_at=self.clock,
        )

    def terms(self, reserved_lot: int, limit: int) -> Terms:
        """What the order may do and holds once accepted. limit: the worst price in ticks, 0 = any."""
        return Terms(
            qty=self.qty,
            reserved_lot=reserved_lot,
            limit=limit,
            reducing=self.is_reducing,
            price=self.price,
            stop_price=self.stop_price,
            trail_ticks=self.trail_ticks,
            trail_bps=self.trail_bps,
        )
