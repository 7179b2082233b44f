"""The account side's memory of orders: which ids are spent, and which orders are live."""

import msgspec

from streams.messages import TERMINAL, OrderType, Side

ACCOUNT_SEPARATOR = "|"
"""Between the parts of a table key; no id, symbol or currency contains it."""

REVIEW = "REVIEW"


def pair(account: str, name: str) -> str:
    """The table key of one symbol, currency or client_order_id of an account."""
    return f"{account}{ACCOUNT_SEPARATOR}{name}"


class Spent(msgspec.Struct, frozen=True, omit_defaults=True):
    """A client_order_id that has been used, and what became of it.

    offset: of the first command, on `orders`; -1 for an order that the kill switch made. created_at: ns, the sender's,
    0 where unreadable; seen_at: the cell's clock then. state: of the order that it made; "" where it made none.
    mode_epoch: of the account then.
    """

    offset: int
    digest: str
    outcome: str
    created_at: int
    seen_at: int
    reason: str = ""
    order_id: str = ""
    state: str = ""
    mode_epoch: int = 0

    @property
    def is_live(self) -> bool:
        """Its order still works; such an id is never forgotten."""
        return bool(self.state) and self.state not in TERMINAL


class Terms(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a replace can change. qty: lots in all; prices, trail_ticks: ticks, 0 = none.

    reserved_lot: money units that one unfilled lot holds. limit: the worst price at which it may fill, 0 = any.
    reducing: it passed the gate as an order that can only reduce.
    """

    qty: int
    reserved_lot: int
    limit: int = 0
    reducing: bool = False
    price: int = 0
    stop_price: int = 0
    trail_ticks: int = 0
    trail_bps: int = 0

    def or_worse(self, other: "Terms", side: int) -> "Terms":
        """Terms that cover an order whichever of the two it turns out to have."""
        limits = (self.limit, other.limit)
        limit = 0 if 0 in limits else max(limits) if side > 0 else min(limits)
        return msgspec.structs.replace(
            self,
            qty=max(self.qty, other.qty),
            reserved_lot=max(self.reserved_lot, other.reserved_lot),
            limit=limit,
        )


class LiveOrder(msgspec.Struct, frozen=True, omit_defaults=True):
    """An accepted order that may still fill. Quantities: lots.

    terms: what it may do and holds. reduce_only: as sent. pending: who asked to cancel it. asked, before: the terms of
    a replace under way and those that it is to change; `terms` covers both until the broker has answered. settles_at:
    the filled quantity from which on the asked terms hold alone, -1 = not answered. closing: the final filled quantity
    where the broker has ended it and fills are still under way, else -1. maker_rate, taker_rate: fixed at acceptance.
    stop_loss, take_profit: of its bracket, ticks; is_bracketed: it has one. accepted_at: ns of event time, 0 once the
    broker has said something, or its silence has been told of.
    """

    account: str
    client_order_id: str
    symbol: str
    side: int
    type: OrderType
    terms: Terms
    reduce_only: bool = False
    strategy: str = ""
    filled: int = 0
    state: str = "ACCEPTED"
    pending: str = ""
    asked: Terms | None = None
    before: Terms | None = None
    settles_at: int = -1
    closing: int = -1
    maker_rate: int = 0
    taker_rate: int = 0
    protection_bps: int | None = None
    stop_loss: int = 0
    take_profit: int = 0
    is_bracketed: bool = False
    accepted_at: int = 0

    @property
    def unanswered_since(self) -> int | None:
        """When it went to the broker (ns), while that is silent and nobody has been told; else None."""
        return self.accepted_at or None if self.state == "ACCEPTED" else None

    @property
    def is_live(self) -> bool:
        """The broker has not ended it."""
        return self.closing < 0

    @property
    def qty(self) -> int:
        """Lots in all that it may fill."""
        return self.terms.qty

    @property
    def reserved_lot(self) -> int:
        """Money units that one unfilled lot holds."""
        return self.terms.reserved_lot

    @property
    def reducing(self) -> bool:
        """It passed the gate as an order that can only reduce."""
        return self.terms.reducing

    @property
    def remaining(self) -> int:
        """Lots that may still fill; reserved_lot of each is reserved."""
        return max(0, (self.terms.qty if self.closing < 0 else self.closing) - self.filled)

    def is_worse(self, price: int) -> bool:
        """A fill at this price would break the order's limit."""
        limit = self.terms.limit
        return limit > 0 and self.side * (price - limit) > 0


class Exit(msgspec.Struct, frozen=True, omit_defaults=True):
    """A bracket's exit as the account side knows it: it reserves nothing, and only the broker ends it.

    client_order_id: its entry's, with `/sl` or `/tp`. state "" until the broker has told.
    """

    account: str
    client_order_id: str
    symbol: str
    side: Side
    strategy: str = ""
    state: str = ""
    pending: str = ""


class OpenLots(msgspec.Struct):
    """Open lots of one symbol of an account, reduce-only orders not counted: what they could make of its position.

    reducing_buys, reducing_sells: those of orders that passed as reducing.
    """

    buys: int = 0
    sells: int = 0
    reducing_buys: int = 0
    reducing_sells: int = 0

    def add(self, order: LiveOrder, lots: int) -> None:
        """Count `lots` more (fewer: negative) of an order as open."""
        if not order.reduce_only:
            self.count(order.side, lots, order.terms.reducing)

    def count(self, side: int, lots: int, reducing: bool) -> None:
        """Count `lots` more of one side as open."""
        if side > 0:
            self.buys += lots
            self.reducing_buys += lots if reducing else 0
        else:
            self.sells += lots
            self.reducing_sells += lots if reducing else 0

    def reducing(self, side: int) -> int:
        """Open lots of reducing orders on one side."""
        return self.reducing_buys if side > 0 else self.reducing_sells

    def worst(self, qty: int) -> int:
        """The largest position, in lots without sign, that a position of `qty` can become."""
        return max(abs(qty + self.buys), abs(qty - self.sells))


class OpenOrders:
    """Index of a cell's live orders by account, kept by the `orders` table."""

    def __init__(self) -> None:
        self._ids: dict[str, dict[str, str]] = {}

    def change(self, key: str, old: LiveOrder | None, new: LiveOrder | None) -> None:
        """Follow one change of the table."""
        order = new or old
        if order is None:
            return
        ids = self._ids.setdefault(order.account, {})
        if new is not None and new.is_live:
            ids[key] = new.symbol
        else:
            ids.pop(key, None)
            if not ids:
                del self._ids[order.account]

    def clear(self) -> None:
        """Forget everything."""
        self._ids.clear()

    def of(self, account: str) -> dict[str, str]:
        """Live order ids of an account, each with its symbol."""
        return self._ids.get(account, {})
