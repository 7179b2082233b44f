"""Orders from acceptance to their last fill: what they reserve, and how it returns lot by lot."""

import msgspec

from tables.account import Balance
from tables.account_tables import AccountTables, edit
from tables.lifecycle import BrokenInvariant
from tables.orders import LiveOrder, OpenLots, pair


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
        raise BrokenInvariant(f"fill of {order_id} at {price}, limit {order.limit}")
    _reserve(tables, order, -qty)
    filled = msgspec.structs.replace(order, filled=order.filled + qty)
    if filled.remaining:
        tables.orders.put(order_id, filled)
    else:
        _forget(tables, order_id, order if order.closing >= 0 else _in_state(order, "FILLED"))


def end(tables: AccountTables, order_id: str, order: LiveOrder, filled: int, state: str) -> None:
    """The broker has ended an order that filled `filled` lots in all; fills still under way keep their reservation."""
    if not order.filled <= filled <= order.qty:
        raise BrokenInvariant(f"{order_id} ended with {filled} lots, {order.filled} were booked")
    _reserve(tables, order, filled - order.qty)
    ended = msgspec.structs.replace(order, state=state, closing=filled)
    if ended.remaining:
        tables.orders.put(order_id, ended)
        _remember(tables, order_id, ended)
    else:
        _forget(tables, order_id, ended)


def _in_state(order: LiveOrder, state: str) -> LiveOrder:
    return msgspec.structs.replace(order, state=state)


def _forget(tables: AccountTables, order_id: str, order: LiveOrder) -> None:
    tables.orders.delete(order_id)
    _remember(tables, order_id, order)


def _remember(tables: AccountTables, order_id: str, order: LiveOrder) -> None:
    """The id's answer to a repeat is the state in which its order ended."""
    key = pair(order.account, order.client_order_id)
    spent = tables.spent.get(key)
    if spent is None or spent.order_id != order_id:
        raise BrokenInvariant(f"{order_id} is live and its id {key} forgotten")
    tables.spent.put(key, msgspec.structs.replace(spent, state=order.state))


def _reserve(tables: AccountTables, order: LiveOrder, lots: int) -> None:
    currency = tables.instruments[order.symbol].quote
    balance = edit(tables.balances, pair(order.account, currency), Balance)
    balance.reserved += order.reserved_lot * lots
    edit(tables.open_lots, pair(order.account, order.symbol), OpenLots).add(order, lots)
