"""The gate between `orders` and `orders.accepted`: one decision a command, with its reason and its inputs."""

from collections.abc import Callable, Iterable

import msgspec

from agents import cancels, decisions, new_orders, reference
from agents.handler import Event, Output
from streams import control, topics
from streams.codec import Undecodable
from streams.messages import TERMINAL, Mark, OrderEvent
from streams.orders import Cancel, New, Parsed
from tables import marks, open_orders
from tables.account_tables import AccountTables, Version
from tables.candidate import Refusal

FUTURE_NS = 60 * 10**9
"""A command may be this far ahead of the partition's clock."""


class Risk:
    """Handlers of the account group. partition_of: account -> its partition; generation: of the log, part of ids."""

    def __init__(self, partition_of: Callable[[str], int], generation: int) -> None:
        self._partition_of = partition_of
        self._generation = generation

    def on_order(self, event: Event[Parsed], tables: AccountTables) -> Iterable[Output]:
        """Decide on one command."""
        parsed = event.message
        if event.key != parsed.account.encode():
            raise Undecodable("KEY_MISMATCH", f"the payload is of account {parsed.account}")
        decision = decisions.draft(event, tables, self._generation)
        if self._partition_of(parsed.account) != event.partition:
            # A producer with another partitioner: the same bytes go to where the account's one writer reads.
            forwarded = decisions.answer(decision, outcome="forwarded")
            return [Output(topics.ORDERS, parsed.account, parsed.raw), forwarded]
        if parsed.created_at > event.clock_ns + FUTURE_NS:
            ahead_ms = (parsed.created_at - event.clock_ns) // marks.MS
            refusal = Refusal("CREATED_IN_FUTURE", f"ahead_ms {ahead_ms} > {FUTURE_NS // marks.MS}")
            return decisions.reject(event, decision, refusal, tables)
        match parsed.command:
            case New() as command:
                return new_orders.decide(event, command, decision, tables)
            case Cancel() as command:
                return cancels.decide(event, command, decision, tables)
        refusal = Refusal(parsed.reason, parsed.detail)
        return decisions.reject(event, decision, refusal, tables)

    def on_mark(self, event: Event[Mark], tables: AccountTables) -> Iterable[Output]:
        """Keep the last mark of a symbol."""
        mark = event.message
        tables.marks.put(mark.symbol, marks.view(mark))
        return ()

    def on_order_event(self, event: Event[OrderEvent], tables: AccountTables) -> Iterable[Output]:
        """Follow an order that risk accepted; its end releases what is still reserved. Exits are not in its table."""
        step = event.message
        order = tables.orders.get(step.order_id)
        if order is None or not order.is_live:
            return ()
        if step.state in TERMINAL:
            filled = tables.instruments[step.symbol].qty_lots(step.filled)
            open_orders.end(tables, step.order_id, order, filled, step.state)
            return ()
        pending = "" if step.type == "CANCEL_REJECTED" else order.pending
        if (step.state, pending) != (order.state, order.pending):
            moved = msgspec.structs.replace(order, state=step.state, pending=pending)
            tables.orders.put(step.order_id, moved)
        return ()

    def on_control(
        self, event: Event[control.Record | None], tables: AccountTables
    ) -> Iterable[Output]:
        """Take over reference data; latch the kill switch, which cancels what it covers."""
        record = reference.checked(event)
        outputs: list[Output] = []
        match record:
            case control.InstrumentRecord():
                reference.fold_instrument(record, tables.instruments)
            case control.Account() if self._owns(record.account, tables):
                reference.fold_account(record, event.offset, tables)
            case control.Limits() if self._owns(record.account, tables):
                tables.limits.put(record.account, record)
                tables.versions.put(control.key(record), Version(event.offset))
            case control.Kill():
                outputs = cancels.on_kill(event, record, tables, self._generation)
        tables.edit_cell().control_offset = event.offset
        return outputs

    def _owns(self, account: str, tables: AccountTables) -> bool:
        return self._partition_of(account) == tables.partition
