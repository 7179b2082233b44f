"""The account side's memory of orders: which ids are spent, and which orders are live."""

import msgspec

from streams.messages import TERMINAL

ACCOUNT_SEPARATOR = "|"
"""Between the parts of a table key; no id, symbol or currency contains it."""


def pair(account: str, name: str) -> str:
    """The table key of one symbol, currency or client_order_id of an account."""
    return f"{account}{ACCOUNT_SEPARATOR}{name}"


class Spent(msgspec.Struct, frozen=True):
    """A client_order_id that has been used, and what became of it.

    offset: of the first command, on `orders`. created_at: ns, the sender's, 0 where unreadable; seen_at: the cell's
    clock then. state: of the order that it made; "" where it made none.
    """

    offset: int
    digest: str
    outcome: str
    created_at: int
    seen_at: int
    reason: str = ""
    order_id: str = ""
    state: str = ""

    @property
    def is_live(self) -> bool:
        """Its order still works; such an id is never forgotten."""
        return bool(self.state) and self.state not in TERMINAL


class LiveOrder(msgspec.Struct, frozen=True):
    """An accepted order that may still fill. Quantities: lots.

    reserved_lot: money units that one unfilled lot holds. reduce_only: as sent; reducing: it passed as a reducing
    order. limit: the worst price in ticks at which it may fill, 0 = any. pending: who asked to cancel it. closing: the
    final filled quantity where the broker has ended it and fills are still under way, else -1.
    """

    account: str
    client_order_id: str
    symbol: str
    side: int
    qty: int
    reserved_lot: int
    reduce_only: bool
    reducing: bool
    limit: int = 0
    strategy: str = ""
    filled: int = 0
    state: str = "ACCEPTED"
    pending: str = ""
    closing: int = -1

    @property
    def is_live(self) -> bool:
        """The broker has not ended it."""
        return self.closing < 0

    @property
    def remaining(self) -> int:
        """Lots that may still fill; reserved_lot of each is reserved."""
        return (self.qty if self.closing < 0 else self.closing) - self.filled

    def is_worse(self, price: int) -> bool:
        """A fill at this price would break the order's limit."""
        return self.limit > 0 and self.side * (price - self.limit) > 0


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
        if order.reduce_only:
            return
        if order.side > 0:
            self.buys += lots
            self.reducing_buys += lots if order.reducing else 0
        else:
            self.sells += lots
            self.reducing_sells += lots if order.reducing else 0

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
