"""Which order a cancel or a replace means: a live one of the account, or an exit of one of its brackets."""

from typing import NamedTuple

from agents import decisions
from tables.account_tables import AccountTables
from tables.candidate import Refusal
from tables.orders import Exit, LiveOrder, pair


class Target(NamedTuple):
    """order_id: of the order, "" where the name is unknown; found: the order, or why it cannot be had."""

    order_id: str
    found: LiveOrder | Exit | Refusal


def find(account: str, name: str, tables: AccountTables) -> Target:
    """The order of that client_order_id that may still be cancelled or replaced."""
    own, suffix = (name[:-3], name[-3:]) if "/" in name else (name, "")
    spent = tables.spent.get(pair(account, own))
    if spent is None or not spent.order_id:
        return Target("", Refusal("UNKNOWN_ORDER", f"no order {name}"))
    order_id = spent.order_id + suffix
    order = tables.exits.get(order_id) if suffix else tables.orders.get(order_id)
    if order is None or (isinstance(order, LiveOrder) and not order.is_live):
        if suffix:
            return Target(order_id, Refusal("UNKNOWN_ORDER", f"no live exit {name}"))
        return Target(order_id, Refusal("ORDER_TERMINAL", decisions.present(spent, tables)))
    if order.pending:
        return Target(order_id, Refusal("CANCEL_PENDING", "its cancel is on the way"))
    return Target(order_id, order)
