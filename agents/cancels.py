"""Cancels: those that an account asks for, and those of the kill switch; both follow their orders to the broker."""

from collections.abc import Iterable

import msgspec

from agents import decisions
from agents.handler import Event, Output
from streams import control, topics
from streams.codec import Undecodable
from streams.ids import Ref
from streams.messages import CancelAccepted, Decision, ToBroker
from streams.orders import ALL_ORDERS, Cancel, Parsed
from tables import limits
from tables.account_tables import AccountTables
from tables.candidate import Refusal
from tables.orders import LiveOrder, pair

CLIENT, KILLED = "CLIENT", "KILLED"


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
    target = tables.spent.get(pair(command.account, command.target))
    order_id = "" if target is None else target.order_id
    order = tables.orders.get(order_id)
    refusal = None
    if target is None or not order_id:
        refusal = Refusal("UNKNOWN_ORDER", f"no order {command.target}")
    elif order is None or not order.is_live:
        refusal = Refusal("ORDER_TERMINAL", decisions.present(target, tables))
    elif order.pending:
        refusal = Refusal("CANCEL_PENDING", "its cancel is on the way")
    if refusal is not None or order is None:
        assert refusal is not None, "an order that is not there has been refused"
        return decisions.reject(event, decision, refusal, tables, order_id=order_id)
    decisions.spend(event, tables, "accepted")
    decided = decisions.answer(decision, outcome="accepted", order_id=order_id, symbol=order.symbol)
    return [decided, _send(tables, order_id, order, CLIENT, event.ref, event.clock_ns)]


def _cancel_all(
    event: Event[Parsed], command: Cancel, decision: Decision, tables: AccountTables
) -> list[Output]:
    decisions.spend(event, tables, "accepted")
    outputs = [decisions.answer(decision, outcome="accepted")]
    for order_id in sorted(tables.open_orders.of(command.account), key=_age):
        order = tables.orders[order_id]
        if not order.pending and command.symbol in (None, order.symbol):
            outputs.append(_send(tables, order_id, order, CLIENT, event.ref, event.clock_ns))
    return outputs


def on_kill(
    event: Event[control.Record | None],
    record: control.Kill,
    tables: AccountTables,
    generation: int,
) -> list[Output]:
    """Latch the kill switch, or release it by a higher seq; a kill cancels what it covers, oldest first."""
    latched = tables.kills.get(record.scope)
    if latched is not None and not record.seq > latched.seq:
        raise Undecodable(
            "CONTROL_REPLAYED", f"{record.scope}: seq {record.seq}, {latched.seq} is known"
        )
    tables.kills.put(record.scope, record)
    kind, _, name = record.scope.partition(":")
    applied = Decision(
        decision_id=f"{generation}-control-{event.offset}-{tables.partition}",
        kind="control",
        outcome="applied",
        account=name if kind == "account" else "",
        command_ref=event.ref,
        time=event.clock_ns,
        symbol=name if kind == "symbol" else "",
        reason=record.action.upper(),
        detail=f"{record.scope} seq {record.seq}: {record.reason}",
        control_offset=event.offset,
    )
    outputs = [Output(topics.DECISIONS, record.scope, applied)]
    if record.action == "kill":
        for order_id, order in _covered(record.scope, tables):
            outputs.append(_send(tables, order_id, order, KILLED, event.ref, event.clock_ns))
    return outputs


def _covered(scope: str, tables: AccountTables) -> Iterable[tuple[str, LiveOrder]]:
    """Live orders in scope by age, but for those that protect a position: an exit is never taken away."""
    live = [
        (order_id, order)
        for order_id, order in tables.orders.items()
        if order.is_live
        and order.pending != KILLED
        and scope in limits.kill_scopes(order.account, order.symbol, order.strategy)
        and not _protects(order, tables)
    ]
    return sorted(live, key=lambda found: _age(found[0]))


def _protects(order: LiveOrder, tables: AccountTables) -> bool:
    if not order.reduce_only:
        return False
    position = tables.positions.get(pair(order.account, order.symbol))
    return position is not None and order.side * position.qty < 0


def _age(order_id: str) -> tuple[int, ...]:
    """Order ids by the offsets in them, not by their digits."""
    return tuple(int(part) for part in order_id.split("-"))


def _send(
    tables: AccountTables, order_id: str, order: LiveOrder, reason: str, cause: Ref, time: int
) -> Output:
    """Mark an order as being cancelled and tell the broker."""
    tables.orders.put(order_id, msgspec.structs.replace(order, pending=reason))
    cancel = CancelAccepted(order_id, order.account, order.symbol, cause, reason, time)
    return Output(topics.ACCEPTED, order.symbol, ToBroker(cancel=cancel))
