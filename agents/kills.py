"""The kill switch: latched by every cell, it refuses entries, cancels what it covers and, if told so, flattens."""

from collections.abc import Iterable
from typing import Any

from agents import cancels, flattening, reviews
from agents.handler import Event, Output
from streams import control, topics
from streams.codec import Undecodable
from streams.messages import Decision
from tables import limits
from tables.account_tables import AccountTables, Release
from tables.candidate import Refusal
from tables.orders import REVIEW, Exit, LiveOrder, pair

KILLED, FLATTENED = "KILLED", "FLATTENED"
RELEASE_NS = 15 * 60 * 10**9
"""So long the first of two who release a switch is remembered."""


def on_kill(
    event: Event[control.Read | None],
    record: control.Kill,
    tables: AccountTables,
    generation: int,
    takes_two: bool = False,
) -> list[Output]:
    """Latch the switch, or release it by a higher seq; a kill cancels what it covers, oldest first, then flattens.

    takes_two: a release needs two issuers, the second within `RELEASE_NS` of the first.
    """
    latched = tables.kills.get(record.scope)
    if latched is not None and not record.seq > latched.seq:
        raise Undecodable(
            "CONTROL_REPLAYED", f"{record.scope}: seq {record.seq}, {latched.seq} is known"
        )
    if takes_two and latched is not None and _is_first_to_release(event, record, tables):
        kept = latched.model_copy(update={"seq": record.seq})
        tables.kills.put(record.scope, kept)
        return [_applied(event, record, tables, generation, "RESUME_ASKED")]
    tables.releases.delete(record.scope)
    tables.kills.put(record.scope, record)
    outputs = [_applied(event, record, tables, generation)]
    if record.action == "kill":
        outputs += enforce(event, record, tables, generation)
    return outputs


def enforce(
    event: Event[Any], record: control.Kill, tables: AccountTables, generation: int
) -> list[Output]:
    """Cancel what a kill covers; close positions where it says so."""
    outputs = _cancel_covered(event, record, tables)
    if record.flatten:
        outputs += flattening.close(event, record.scope, tables, generation)
    return outputs


def _applied(
    event: Event[control.Read | None],
    record: control.Kill,
    tables: AccountTables,
    generation: int,
    reason: str = "",
) -> Output:
    kind, _, name = record.scope.partition(":")
    applied = Decision(
        decision_id=f"{generation}-control-{event.offset}-{tables.partition}",
        kind="control",
        outcome="applied",
        account=name if kind == "account" else "",
        command_ref=event.ref,
        time=event.clock_ns,
        symbol=name if kind == "symbol" else "",
        reason=reason or record.action.upper(),
        detail=f"{record.scope} seq {record.seq}: {record.reason}",
        control_offset=event.offset,
    )
    return Output(topics.DECISIONS, record.scope, applied)


def _is_first_to_release(
    event: Event[control.Read | None], record: control.Kill, tables: AccountTables
) -> bool:
    if record.action != "resume":
        return False
    asked = tables.releases.get(record.scope)
    if asked is not None and asked.issuer != record.issuer:
        if event.clock_ns - asked.asked_at <= RELEASE_NS:
            return False
    tables.releases.put(record.scope, Release(record.issuer, event.clock_ns))
    return True


def _cancel_covered(event: Event[Any], record: control.Kill, tables: AccountTables) -> list[Output]:
    reason = FLATTENED if record.flatten else KILLED
    outputs: list[Output] = []
    for order_id, order in _covered(record, tables):
        if isinstance(order, LiveOrder) and order.state == REVIEW:
            refusal = Refusal(KILLED, f"{record.scope} seq {record.seq}")
            outputs.append(reviews.refuse(event.clock_ns, order_id, order, refusal, tables))
        else:
            outputs += cancels.cancel(tables, order_id, order, reason, event.ref, event.clock_ns)
    return outputs


def _covered(record: control.Kill, tables: AccountTables) -> Iterable[tuple[str, LiveOrder | Exit]]:
    """Live orders in scope by age. Those that protect a position stay, unless the position itself goes."""
    found: list[tuple[str, LiveOrder | Exit]] = [
        (order_id, order)
        for order_id, order in tables.orders.items()
        if order.is_live and (record.flatten or not _protects(order, tables))
    ]
    if record.flatten:
        found += tables.exits.items()
    reasons = (KILLED, FLATTENED)
    covered = [
        (order_id, order)
        for order_id, order in found
        if record.scope in limits.kill_scopes(order.account, order.symbol, order.strategy)
        and order.pending not in reasons[record.flatten :]
    ]
    return sorted(covered, key=lambda each: (cancels.age(each[0]), each[0]))


def _protects(order: LiveOrder, tables: AccountTables) -> bool:
    if not order.reduce_only:
        return False
    position = tables.positions.get(pair(order.account, order.symbol))
    return position is not None and order.side * position.qty < 0
