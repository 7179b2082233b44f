"""Follows one kill switch through the log: applied by every partition, its last cancel, its last position closed."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams import log
from streams.codec import Undecodable
from streams.ids import Ref
from streams.messages import TERMINAL, Decision, OrderEvent, ToBroker
from streams.topics import ACCEPTED, BY_NAME, DECISIONS, EVENTS, ORDERS

POLL_MS = 100


@dataclass
class Effects:
    """What has been seen of a switch. record: its place on `control`; cells: partitions that have to apply it.

    applied: cells that have; open: orders that it ended or made and whose last event is still to come. Seconds since
    its append, on the clock of who watches, until each phase could be read as committed; None = not yet.
    """

    record: Ref
    cells: int
    applied: set[str] = field(default_factory=set)
    cancelled: set[str] = field(default_factory=set)
    closing: set[str] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)
    blocked_s: float | None = None
    cancelled_s: float | None = None
    flattened_s: float | None = None

    def take(self, message: Decision | OrderEvent | ToBroker) -> None:
        """Note a message that concerns the switch."""
        match message:
            case Decision(command_ref=ref, kind="control", outcome="applied") if ref == self.record:
                self.applied.add(message.decision_id)
            case ToBroker(cancel=cancel) if (
                cancel is not None and cancel.command_ref == self.record
            ):
                self.cancelled.add(cancel.order_id)
            case ToBroker(order=order) if order is not None and order.command_ref == self.record:
                self.closing.add(order.order_id)
            case OrderEvent() if message.state in TERMINAL:
                self.ended.add(message.order_id)

    def judge(self, since_s: float, told_all: bool) -> bool:
        """Note the phases that are complete; whether all are. told_all: what follows `applied` has been read."""
        if self.blocked_s is None and len(self.applied) >= self.cells:
            self.blocked_s = since_s
        if self.blocked_s is None or not told_all:
            return False
        if self.cancelled_s is None and self.cancelled <= self.ended:
            self.cancelled_s = since_s
        if self.flattened_s is None and self.closing <= self.ended:
            self.flattened_s = since_s
        return self.cancelled_s is not None and self.flattened_s is not None


class KillWatch:
    """A reader placed at the ends of the result topics before the switch is thrown."""

    def __init__(
        self, consumer: AIOKafkaConsumer, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._consumer = consumer
        self._clock = clock

    async def place(self) -> int:
        """Stand at the ends; how many partitions have to apply a switch."""
        names = [topic.name for topic in (DECISIONS, ACCEPTED, EVENTS)]
        places = await log.partitions_of(self._consumer, names)
        ends = await self._consumer.end_offsets(places)
        self._consumer.assign(places)
        for place, end in ends.items():
            self._consumer.seek(place, end)
        return len(await log.partitions_of(self._consumer, [ORDERS.name]))

    async def follow(self, record: Ref, cells: int, seconds: float) -> Effects:
        """What the switch does, until all of it is done or the time is up."""
        start = self._clock()
        effects = Effects(record, cells)
        ends: dict[TopicPartition, int] | None = None
        while (since_s := self._clock() - start) < seconds:
            for message in _decoded(await self._consumer.getmany(timeout_ms=POLL_MS)):
                effects.take(message)
            since_s = self._clock() - start
            if effects.judge(since_s, ends is not None and await self._has_read(ends)):
                break
            if effects.blocked_s is not None and ends is None:
                # The cancels were committed with `applied`, but on another topic: read up to here for all of them.
                ends = await self._consumer.end_offsets(self._accepted())
        return effects

    def _accepted(self) -> list[TopicPartition]:
        return [place for place in self._consumer.assignment() if place.topic == ACCEPTED.name]

    async def _has_read(self, ends: dict[TopicPartition, int]) -> bool:
        return all([await self._consumer.position(place) >= end for place, end in ends.items()])


def _decoded(fetched: dict[TopicPartition, list[Any]]) -> Iterable[Any]:
    for place, records in fetched.items():
        for record in records:
            try:
                yield BY_NAME[place.topic].decode(record.value)
            except Undecodable:
                continue  # of a newer engine; not for this reader to judge
