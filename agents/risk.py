"""The gate between `orders` and `orders.accepted`: one decision a command, with its reason and its inputs."""

from collections.abc import Callable, Iterable

from agents import (
    cancels,
    decisions,
    following,
    kills,
    latching,
    new_orders,
    reference,
    replaces,
    reviews,
    silence,
)
from agents.handler import Event, Output
from streams import control, topics
from streams.codec import Undecodable
from streams.messages import Mark, OrderEvent
from streams.modes import LOCAL, Simulation
from streams.orders import Cancel, New, Parsed, Replace
from tables import marks, profiles
from tables.account_tables import AccountTables
from tables.candidate import Refusal

FUTURE_NS = 60 * 10**9
"""A command may be this far ahead of the partition's clock."""


class Risk:
    """Handlers of the account group.

    partition_of: account -> its partition; generation: of the log, part of ids; simulation: whom it lets trade;
    takes_two: to release a kill switch.
    """

    def __init__(
        self,
        partition_of: Callable[[str], int],
        generation: int,
        simulation: Simulation = LOCAL,
        takes_two: bool = False,
    ) -> None:
        self._partition_of = partition_of
        self._generation = generation
        self._simulation = simulation
        self._takes_two = takes_two

    def on_order(self, event: Event[Parsed], tables: AccountTables) -> Iterable[Output]:
        """Decide on one command."""
        parsed = event.message
        if event.key != parsed.account.encode():
            raise Undecodable("KEY_MISMATCH", f"the payload is of account {parsed.account}")
        decision = decisions.draft(event, tables, self._generation, self._simulation)
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
                latched = latching.before_order(event, parsed.account, tables, self._generation)
                return [*new_orders.decide(event, command, decision, tables), *latched]
            case Cancel() as command:
                return cancels.decide(event, command, decision, tables)
            case Replace() as command:
                return replaces.decide(event, command, decision, tables)
        refusal = Refusal(parsed.reason, parsed.detail)
        return decisions.reject(event, decision, refusal, tables)

    def on_mark(self, event: Event[Mark], tables: AccountTables) -> Iterable[Output]:
        """Keep the last mark of a symbol; it may latch accounts that hold it, and tells what is overdue."""
        latched = latching.on_mark(event, tables, self._generation)
        return [*reviews.expire(event.clock_ns, tables), *silence.tell(event, tables), *latched]

    def on_order_event(self, event: Event[OrderEvent], tables: AccountTables) -> Iterable[Output]:
        """Follow an order that risk accepted, and the exits of its bracket."""
        following.follow(event.message, tables, event.clock_ns)
        return ()

    def on_control(
        self, event: Event[control.Read | None], tables: AccountTables
    ) -> Iterable[Output]:
        """Take over reference data; latch the kill switch, which cancels what it covers; hear a review's verdict."""
        record = reference.understood(event, tables)
        outputs: list[Output] = []
        match record:
            case control.InstrumentRecord():
                reference.fold_instrument(record, tables.instruments)
            case control.Account() if self._owns(record.account, tables):
                reference.fold_account(record, event.offset, tables, self._simulation)
            case control.Limits() if self._owns(record.account, tables):
                tables.limits.put(record.account, profiles.of(record))
            case control.Fees():
                reference.fold_fees(record, tables)
            case control.Resume() if self._owns(record.account, tables):
                outputs = latching.on_resume(event, record, tables, self._generation)
            case control.Review():
                outputs = reviews.on_verdict(event, record, tables)
            case control.Kill():
                outputs = kills.on_kill(event, record, tables, self._generation, self._takes_two)
        if record is not None:
            reference.in_force(record, event.offset, tables)
        tables.edit_cell().control_offset = event.offset
        return outputs

    def _owns(self, account: str, tables: AccountTables) -> bool:
        return self._partition_of(account) == tables.partition
