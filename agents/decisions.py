"""What every decision of risk has in common: its inputs, its answer, and the id that it spends."""

from typing import Any

import msgspec

from agents.handler import Event, Output
from streams import ids, topics
from streams.messages import Decision
from streams.orders import Parsed
from tables import intake
from tables.account_tables import THIS_CELL, AccountTables
from tables.candidate import Refusal
from tables.orders import Spent, pair


def draft(event: Event[Parsed], tables: AccountTables, generation: int) -> Decision:
    """The decision on a command while its outcome is open; a command's decision and order have one id."""
    parsed, command = event.message, event.message.command
    return Decision(
        decision_id=ids.order_id(generation, event.ref),
        kind="unreadable" if command is None else command.cmd,
        outcome="rejected",
        account=parsed.account,
        command_ref=event.ref,
        time=event.clock_ns,
        client_order_id=parsed.client_order_id,
        symbol=(command.symbol or "") if command is not None else "",
        control_offset=control_offset(tables),
        limits_version=tables.version(f"limits:{parsed.account}"),
    )


def control_offset(tables: AccountTables) -> int:
    """The last control record that this cell has applied; -1 = none."""
    row = tables.cell.get(THIS_CELL)
    return -1 if row is None else row.control_offset


def answer(decision: Decision, **changes: Any) -> Output:
    """A decision as it goes out."""
    decided = msgspec.structs.replace(decision, **changes)
    return Output(topics.DECISIONS, decided.account, decided)


def reject(
    event: Event[Parsed], decision: Decision, refusal: Refusal, tables: AccountTables, **used: Any
) -> list[Output]:
    """A rejected command spends its id too, unless it is one that another command has spent."""
    parsed = event.message
    if pair(parsed.account, parsed.client_order_id) not in tables.spent:
        spend(event, tables, "rejected", reason=refusal.reason)
    return [answer(decision, reason=refusal.reason, detail=refusal.detail, **used)]


def spend(event: Event[Parsed], tables: AccountTables, outcome: str, **more: Any) -> None:
    """Remember the outcome of a command under its id. more: further fields of `Spent`."""
    parsed = event.message
    spent = Spent(event.offset, parsed.digest, outcome, parsed.created_at, event.clock_ns, **more)
    key = pair(parsed.account, parsed.client_order_id)
    intake.spend(tables, key, spent, event.clock_ns)


def repeated(
    event: Event[Parsed], decision: Decision, tables: AccountTables
) -> Output | Refusal | None:
    """The answer to a command whose id is spent, or a refusal; None for a new one."""
    parsed = event.message
    spent = tables.spent.get(pair(parsed.account, parsed.client_order_id))
    if spent is None:
        if not parsed.created_at > intake.horizon(tables, event.clock_ns):
            return Refusal("STALE_COMMAND", "created before the memory of ids begins")
        return None
    if spent.digest != parsed.digest:
        return Refusal("DUPLICATE_ID_MISMATCH", f"first used at offset {spent.offset}")
    detail = f"first at offset {spent.offset}: {spent.outcome}"
    return answer(
        decision,
        outcome="duplicate",
        order_id=spent.order_id,
        reason=spent.reason,
        detail=f"{detail}, now {state}" if (state := present(spent, tables)) else detail,
    )


def present(spent: Spent, tables: AccountTables) -> str:
    """The present state of the order that an id has made; "" where it made none."""
    order = tables.orders.get(spent.order_id)
    return spent.state if order is None else order.state
