"""How the account side follows the broker's word on the orders that it accepted, and on the exits of their brackets."""

import msgspec

from streams.instruments import Instrument
from streams.messages import TERMINAL, OrderEvent
from tables import open_orders, order_checks
from tables.account_tables import AccountTables
from tables.orders import LiveOrder


def follow(step: OrderEvent, tables: AccountTables, clock_ns: int) -> None:
    """Take in one event; the end of an order releases what is still reserved."""
    order = tables.orders.get(step.order_id)
    if order is None:
        _follow_exit(step, tables)
    elif order.is_live:
        if step.state == "REJECTED":
            order_checks.rejected(tables, step.account, clock_ns)
            _forget_exits(step.order_id, tables)
        _follow_order(step, order, tables)


def _follow_order(step: OrderEvent, order: LiveOrder, tables: AccountTables) -> None:
    instrument = tables.instruments[step.symbol]
    if step.state in TERMINAL:
        filled = instrument.qty_lots(step.filled)
        open_orders.end(tables, step.order_id, order, filled, step.state)
        return
    pending = "" if step.type == "CANCEL_REJECTED" else order.pending
    if (step.state, pending, 0) != (order.state, order.pending, order.accepted_at):
        order = msgspec.structs.replace(order, state=step.state, pending=pending, accepted_at=0)
        tables.orders.put(step.order_id, order)
    if step.type == "REPLACED":
        open_orders.answered(tables, step.order_id, order, instrument.qty_lots(step.filled))
    elif step.type == "REPLACE_REJECTED":
        open_orders.refused(tables, step.order_id, order)
    elif step.type == "RESTATED":
        _restate(step, order, instrument, tables)


def _restate(
    step: OrderEvent, order: LiveOrder, instrument: Instrument, tables: AccountTables
) -> None:
    """The broker has made an order smaller, as a member of its group: a replace that nobody had to ask for."""
    qty = instrument.qty_lots(step.qty)
    if order.asked is not None or qty >= order.qty:
        return  # its end releases the rest
    asked = msgspec.structs.replace(order.terms, qty=qty)
    open_orders.ask(tables, step.order_id, order, asked)
    restated = tables.orders[step.order_id]
    open_orders.answered(tables, step.order_id, restated, instrument.qty_lots(step.filled))


def _follow_exit(step: OrderEvent, tables: AccountTables) -> None:
    exit = tables.exits.get(step.order_id)
    if exit is None:
        return
    if step.state in TERMINAL:
        tables.exits.delete(step.order_id)
        return
    pending = "" if step.type == "CANCEL_REJECTED" else exit.pending
    if (step.state, pending) != (exit.state, exit.pending):
        moved = msgspec.structs.replace(exit, state=step.state, pending=pending)
        tables.exits.put(step.order_id, moved)


def _forget_exits(order_id: str, tables: AccountTables) -> None:
    """A rejected entry's exits, which the broker never made."""
    for suffix in ("/sl", "/tp"):
        exit = tables.exits.get(order_id + suffix)
        if exit is not None and not exit.state:
            tables.exits.delete(order_id + suffix)
