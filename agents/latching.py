"""Where marks and orders trip the latches of an account: said as decisions, obeyed by cancelling its open entries."""

from typing import Any

from agents import cancels, decisions, kills
from agents.handler import Event, Output
from streams import control, topics
from streams.codec import Undecodable
from streams.messages import Decision, Mark
from tables import bars, depeg, latches, marks, order_checks
from tables.account_tables import AccountTables
from tables.bars import Bars
from tables.depeg import Peg
from tables.latches import Latch
from tables.marks import View

WEIGH_NS = 1_000_000_000
"""Marks weigh a symbol's holders once in so much event time (0: each mark does), orders always: to weigh a hundred
accounts ten times a second takes a quarter of a core, and only the cancels would come sooner."""

LATCHED = "LATCHED"
"""Why an order was cancelled."""


def on_mark(event: Event[Mark], tables: AccountTables, generation: int) -> list[Output]:
    """Keep the last mark of a symbol; close its hour, follow its peg, and weigh the accounts that hold it."""
    mark, symbol = event.message, event.message.symbol
    before, view = tables.marks.get(symbol), marks.view(mark)
    holders = tables.guards.holders.of(symbol)
    for account in holders:  # a day begins with what the marks of the one before have said
        latches.open_day(tables, account, event.clock_ns)
    tables.marks.put(symbol, view)
    if before is not None and bars.closes(before, view):
        known = tables.guards.bars.get(symbol) or Bars()
        tables.guards.bars.put(symbol, bars.close(known, before))
    _follow_peg(symbol, view, tables)
    if WEIGH_NS and before is not None and before.time // WEIGH_NS == view.time // WEIGH_NS:
        return []
    outputs: list[Output] = []
    for account in holders:
        outputs += _weigh(event, account, tables, generation)
    return outputs


def before_order(
    event: Event[Any], account: str, tables: AccountTables, generation: int
) -> list[Output]:
    """Count a new order of an account, and weigh the account before it is decided on."""
    if account not in tables.profiles:
        return []
    order_checks.count(tables, account, event.clock_ns)
    latches.open_day(tables, account, event.clock_ns)
    return _weigh(event, account, tables, generation)


def on_resume(
    event: Event[control.Read | None],
    record: control.Resume,
    tables: AccountTables,
    generation: int,
) -> list[Output]:
    """Lift the latches that no new day lifts. Raises Undecodable: CONTROL_REPLAYED for a known seq."""
    if not latches.resume(tables, record.account, record.seq):
        raise Undecodable("CONTROL_REPLAYED", f"resume {record.account}: seq {record.seq} is known")
    applied = Decision(
        decision_id=f"{generation}-control-{event.offset}-{tables.partition}",
        kind="control",
        outcome="applied",
        account=record.account,
        command_ref=event.ref,
        time=event.clock_ns,
        reason="RESUME",
        detail=f"seq {record.seq}: {record.reason}",
        control_offset=event.offset,
    )
    return [Output(topics.DECISIONS, record.account, applied)]


def _follow_peg(symbol: str, view: View, tables: AccountTables) -> None:
    instrument = tables.instruments.get(symbol)
    if instrument is None or tables.guards.pegs.of(instrument.base) != symbol:
        return
    known = tables.guards.peg_states.get(instrument.base)
    peg = known if known is not None and known.symbol == symbol else Peg(symbol)
    tables.guards.peg_states.put(instrument.base, depeg.follow(peg, instrument, view))


def _weigh(event: Event[Any], account: str, tables: AccountTables, generation: int) -> list[Output]:
    tripped = latches.trip(tables, account, event.clock_ns)
    if not tripped:
        return []
    said = [_decision(event, account, latch, tables, generation) for latch in tripped]
    limits = tables.limits.get(account)
    if limits is None or not limits.flatten:
        return [*said, *cancels.entries(event, account, LATCHED, tables)]
    names = ", ".join(latch.name for latch in tripped)
    closing = control.Kill(
        scope=f"account:{account}", action="kill", reason=names, seq=1, flatten=True
    )
    return [*said, *kills.enforce(event, closing, tables, generation)]


def _decision(
    event: Event[Any], account: str, latch: Latch, tables: AccountTables, generation: int
) -> Output:
    cause = f"{event.topic}-{event.partition}-{event.offset}"
    latched = Decision(
        decision_id=f"{generation}-latch-{cause}-{account}-{latch.name}",
        kind="latch",
        outcome="latched",
        account=account,
        command_ref=event.ref,
        time=event.clock_ns,
        reason=f"LATCHED_{latch.name}",
        detail=latch.detail,
        control_offset=decisions.control_offset(tables),
        limits_version=tables.version(f"limits:{account}"),
    )
    return Output(topics.DECISIONS, account, latched)
