"""Orders from acceptance to their last fill: what they reserve, and how it returns lot by lot."""

import msgspec

from tables.account import Balance
from tables.account_tables import AccountTables, edit
from tables.lifecycle import BrokenInvariant
from tables.orders import LiveOrder, OpenLots, Terms, pair


def accept(tables: AccountTables, order_id: str, order: LiveOrder) -> None:
    """A new live order; what it may cost is reserved."""
    tables.orders.put(order_id, order)
    tables.hold(order.account, order.symbol)
    _reserve(tables, order, order.qty)


def fill(tables: AccountTables, order_id: str, qty: int, price: int) -> None:
    """Release what a fill of `qty` lots at `price` ticks takes; the order ends with its last lot."""
    order = tables.orders.get(order_id)
    if order is None:
        raise BrokenInvariant(f"fill of {order_id}, which is not open")
    if not 0 < qty <= order.remaining:
        raise BrokenInvariant(f"fill of {qty} lots of {order_id}, {order.remaining} left")
    if order.is_worse(price):
        raise BrokenInvariant(f"fill of {order_id} at {price}, limit {order.terms.limit}")
    _reserve(tables, order, -qty)
    filled = msgspec.structs.replace(order, filled=order.filled + qty)
    if filled.remaining or filled.asked is not None:
        tables.orders.put(order_id, filled)
        _settle(tables, order_id, filled)
    else:
        _forget(tables, order_id, order if order.closing >= 0 else _in_state(order, "FILLED"))


def end(tables: AccountTables, order_id: str, order: LiveOrder, filled: int, state: str) -> None:
    """The broker has ended an order that filled `filled` lots in all; fills still under way keep their reservation."""
    if not order.filled <= filled <= order.qty:
        raise BrokenInvariant(f"{order_id} ended with {filled} lots, {order.filled} were booked")
    _reserve(tables, order, filled - order.filled - order.remaining)
    ended = msgspec.structs.replace(order, state=state, closing=filled, asked=None, before=None)
    if ended.remaining:
        tables.orders.put(order_id, ended)
        remember(tables, order_id, ended)
    else:
        _forget(tables, order_id, ended)


def withdraw(tables: AccountTables, order_id: str, order: LiveOrder, state: str) -> None:
    """End an order that never reached the broker; it holds nothing any more."""
    end(tables, order_id, order, order.filled, state)


def ask(tables: AccountTables, order_id: str, order: LiveOrder, terms: Terms) -> None:
    """A replace goes to the broker: until its answer the order holds what covers the old terms and the new."""
    both = terms.or_worse(order.terms, order.side)
    both = msgspec.structs.replace(both, reducing=order.reducing)
    asked = msgspec.structs.replace(order, asked=terms, before=order.terms)
    _change(tables, order_id, asked, both)


def answered(tables: AccountTables, order_id: str, order: LiveOrder, filled: int) -> None:
    """The broker has replaced the order when it had filled `filled` lots; from there on the asked terms hold."""
    if order.asked is None:
        raise BrokenInvariant(f"{order_id} was replaced and nobody had asked")
    waiting = msgspec.structs.replace(order, settles_at=filled)
    tables.orders.put(order_id, waiting)
    _settle(tables, order_id, waiting)


def refused(tables: AccountTables, order_id: str, order: LiveOrder) -> None:
    """The broker has refused the replace: the old terms hold alone."""
    if order.asked is None or order.before is None:
        raise BrokenInvariant(f"a replace of {order_id} was refused and nobody had asked")
    kept = msgspec.structs.replace(order, asked=None, before=None)
    _change(tables, order_id, kept, order.before)


def remember(tables: AccountTables, order_id: str, order: LiveOrder) -> None:
    """The id's answer to a repeat is the state of its order, at last the one in which it ended."""
    key = pair(order.account, order.client_order_id)
    spent = tables.spent.get(key)
    if spent is None or spent.order_id != order_id:
        raise BrokenInvariant(f"{order_id} is live and its id {key} forgotten")
    tables.spent.put(key, msgspec.structs.replace(spent, state=order.state))


def _settle(tables: AccountTables, order_id: str, order: LiveOrder) -> None:
    """Once all fills of the old terms are booked, the asked ones hold alone."""
    if order.asked is None or not 0 <= order.settles_at <= order.filled:
        return
    settled = msgspec.structs.replace(order, asked=None, before=None, settles_at=-1)
    _change(tables, order_id, settled, order.asked)


def _change(tables: AccountTables, order_id: str, order: LiveOrder, terms: Terms) -> None:
    """Other terms: what the old ones hold returns, what the new ones hold is reserved."""
    _reserve(tables, order, -order.remaining)
    changed = msgspec.structs.replace(order, terms=terms)
    tables.orders.put(order_id, changed)
    _reserve(tables, changed, changed.remaining)


def _in_state(order: LiveOrder, state: str) -> LiveOrder:
    return msgspec.structs.replace(order, state=state)


def _forget(tables: AccountTables, order_id: str, order: LiveOrder) -> None:
    tables.orders.delete(order_id)
    remember(tables, order_id, order)


def _reserve(tables: AccountTables, order: LiveOrder, lots: int) -> None:
    currency = tables.instruments[order.symbol].quote
    balance = edit(tables.balances, pair(order.account, currency), Balance)
    balance.reserved += order.reserved_lot * lots
    edit(tables.open_lots, pair(order.account, order.symbol), OpenLots).add(order, lots)
