"""Cancels that an account asks for; each follows its order to the broker."""

from typing import Any

import msgspec

from agents import decisions, reviews, targets
from agents.handler import Event, Output
from streams import topics
from streams.ids import Ref
from streams.messages import CancelAccepted, Decision, ToBroker
from streams.orders import ALL_ORDERS, Cancel, Parsed
from tables.account_tables import AccountTables
from tables.candidate import Refusal
from tables.orders import REVIEW, Exit, LiveOrder

CLIENT = "CLIENT"


def decide(
    event: Event[Parsed], command: Cancel, decision: Decision, tables: AccountTables
) -> list[Output]:
    """The decision on a cancel; no limit and no kill switch stands in its way."""
    if command.account not in tables.profiles:
        return decisions.reject(event, decision, Refusal("UNKNOWN_ACCOUNT"), tables)
    repeat = decisions.repeated(event, decision, tables)
    if isinstance(repeat, Output):
        return [repeat]
    if repeat is not None:
        return decisions.reject(event, decision, repeat, tables)
    if command.target == ALL_ORDERS:
        return _cancel_all(event, command, decision, tables)
    return _cancel_one(event, command, decision, tables)


def _cancel_one(
    event: Event[Parsed], command: Cancel, decision: Decision, tables: AccountTables
) -> list[Output]:
    order_id, found = targets.find(command.account, command.target, tables)
    if isinstance(found, Refusal):
        return decisions.reject(event, decision, found, tables, order_id=order_id)
    decisions.spend(event, decision, tables, "accepted")
    decided = decisions.answer(decision, outcome="accepted", order_id=order_id, symbol=found.symbol)
    return [decided, *cancel(tables, order_id, found, CLIENT, event.ref, event.clock_ns)]


def _cancel_all(
    event: Event[Parsed], command: Cancel, decision: Decision, tables: AccountTables
) -> list[Output]:
    decisions.spend(event, decision, tables, "accepted")
    outputs = [decisions.answer(decision, outcome="accepted")]
    for order_id in sorted(tables.open_orders.of(command.account), key=age):
        order = tables.orders[order_id]
        if not order.pending and command.symbol in (None, order.symbol):
            outputs += cancel(tables, order_id, order, CLIENT, event.ref, event.clock_ns)
    return outputs


def age(order_id: str) -> tuple[int, ...]:
    """Order ids by the offsets in them, not by their digits."""
    return tuple(int(part) for part in order_id.partition("/")[0].split("-") if part.isdigit())


def cancel(
    tables: AccountTables,
    order_id: str,
    order: LiveOrder | Exit,
    reason: str,
    cause: Ref,
    time: int,
) -> list[Output]:
    """Mark an order as being cancelled and tell the broker; one that waits for a review ends at once."""
    if isinstance(order, Exit):
        tables.exits.put(order_id, msgspec.structs.replace(order, pending=reason))
    elif order.state == REVIEW:
        reviews.withdraw(order_id, order, "CANCELLED", tables)
        return []
    else:
        tables.orders.put(order_id, msgspec.structs.replace(order, pending=reason))
    cancelled = CancelAccepted(order_id, order.account, order.symbol, cause, reason, time)
    return [Output(topics.ACCEPTED, order.symbol, ToBroker(cancel=cancelled))]


def entries(event: Event[Any], account: str, reason: str, tables: AccountTables) -> list[Output]:
    """Cancel what would open or enlarge a position of an account, oldest first; what only reduces stays."""
    outputs: list[Output] = []
    for order_id in sorted(tables.open_orders.of(account), key=age):
        order = tables.orders[order_id]
        if order.pending or order.reducing or order.reduce_only:
            continue
        if order.state == REVIEW:
            refusal = Refusal(reason, "while it waited for its review")
            outputs.append(reviews.refuse(event.clock_ns, order_id, order, refusal, tables))
        else:
            outputs += cancel(tables, order_id, order, reason, event.ref, event.clock_ns)
    return outputs
