"""What every decision of risk has in common: its inputs, its answer, and the id that it spends."""

from typing import Any

import msgspec

from agents.handler import Event, Output
from streams import ids, money, topics
from streams.messages import Decision, MarkUsed
from streams.modes import SIM, Simulation
from streams.orders import Cancel, New, Parsed
from tables import intake, marks
from tables.account_tables import THIS_CELL, AccountTables
from tables.candidate import Candidate, Refusal
from tables.orders import Spent, pair

SIMULATED = "sim"


def draft(
    event: Event[Parsed], tables: AccountTables, generation: int, simulation: Simulation
) -> Decision:
    """The decision on a command while its outcome is open; a command's decision and order have one id."""
    parsed, command = event.message, event.message.command
    account = parsed.account
    profile = tables.profiles.get(account)
    is_simulated = profile is not None and simulation.answer(profile.mode) == SIM
    return Decision(
        decision_id=ids.order_id(generation, event.ref),
        kind="unreadable" if command is None else command.cmd,
        outcome="rejected",
        account=account,
        command_ref=event.ref,
        time=event.clock_ns,
        client_order_id=parsed.client_order_id,
        symbol=command.symbol or "" if isinstance(command, New | Cancel) else "",
        control_offset=control_offset(tables),
        limits_version=tables.version(f"limits:{account}"),
        mode=SIMULATED if is_simulated else "",
        mode_epoch=tables.mode_epoch(account),
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
        spend(event, decision, tables, "rejected", reason=refusal.reason)
    return [answer(decision, reason=refusal.reason, detail=refusal.detail, **used)]


def spend(
    event: Event[Parsed], decision: Decision, tables: AccountTables, outcome: str, **more: Any
) -> None:
    """Remember the outcome of a command under its id. more: further fields of `Spent`."""
    parsed = event.message
    spent = Spent(
        event.offset,
        parsed.digest,
        outcome,
        parsed.created_at,
        event.clock_ns,
        mode_epoch=decision.mode_epoch,
        **more,
    )
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
    if spent.mode_epoch != decision.mode_epoch:
        return Refusal("MODE_CHANGED", f"epoch {spent.mode_epoch}, now {decision.mode_epoch}")
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


def inputs(candidate: Candidate, reserved: int = 0) -> dict[str, Any]:
    """The fields of a decision that say what it was based on. reserved: money units that acceptance adds."""
    maker_rate, taker_rate = candidate.rates
    before = candidate.balance.reserved
    used: dict[str, Any] = {
        "marks": _marks(candidate),
        "reserved_before": money.text(before),
        "reserved_after": money.text(before + reserved),
        "maker_rate": maker_rate,
        "taker_rate": taker_rate,
        "watchdog": candidate.watchdog,
    }
    exposed, instrument = candidate.exposure, candidate.instrument
    if exposed is not None and exposed.is_known:
        used["nav"] = money.text(exposed.nav)
        used["exposure_before"] = money.text(exposed.before)
        used["exposure_after"] = money.text(exposed.gross)
    if candidate.command.sizing is not None and candidate.qty and instrument is not None:
        used["resolved_qty"] = instrument.qty_text(candidate.qty)
    return used


def _marks(candidate: Candidate) -> tuple[MarkUsed, ...]:
    """The marks that were consulted."""
    if candidate.exposure is not None:
        return candidate.exposure.marks
    mark = candidate.mark
    if mark is None:
        return ()
    age_ms = marks.age_ms(mark, candidate.clock)
    return (MarkUsed(candidate.command.symbol, mark.cause, mark.mid2, age_ms),)
