"""Follows topics of the log as they grow, over lost connections; what a process shows of the log comes from here."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Literal

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from streams import log as log_
from streams.topics import Topic

log = logging.getLogger("headrace.api")

WAIT_MS = 250
AGAIN_S = 1.0

Take = Callable[[Any], None]


class Follower:
    """Hands on each committed record of some topics once, in the order of its partition, from where it began."""

    def __init__(
        self, brokers: str, topics: tuple[Topic, ...], begin: Literal["start", "end"], take: Take
    ) -> None:
        self._brokers = brokers
        self._topics = [topic.name for topic in topics]
        self._begin = begin
        self._take = take
        self._task: asyncio.Task[None] | None = None
        self._placed = asyncio.Event()
        self.positions: dict[TopicPartition, int] = {}
        self._ends: dict[TopicPartition, int] = {}

    @property
    def is_current(self) -> bool:
        """Whether everything is taken that was there when it began."""
        return self._placed.is_set() and all(
            self.positions[place] >= end for place, end in self._ends.items()
        )

    async def placed(self) -> None:
        """Waits until it stands somewhere on each topic; starts it where nobody has."""
        self.start()
        await self._placed.wait()

    def start(self) -> None:
        """Begin, once."""
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        while True:
            try:
                async with log_.reader(self._brokers, wait_ms=WAIT_MS) as consumer:
                    await self._place(consumer)
                    while True:
                        await self._step(consumer)
            except (KafkaError, LookupError, OSError) as error:
                log.warning("following %s: %r", ", ".join(self._topics), error)
            await asyncio.sleep(AGAIN_S)

    async def _place(self, consumer: AIOKafkaConsumer) -> None:
        places = await log_.partitions_of(consumer, self._topics)
        ends = await consumer.end_offsets(places)
        begins = await consumer.beginning_offsets(places)
        if not self.positions:
            self._ends = ends
            self.positions = dict(ends if self._begin == "end" else begins)
        consumer.assign(places)
        for place in places:
            # What fell out of retention while we were away is gone.
            self.positions[place] = max(self.positions.get(place, 0), begins[place])
            consumer.seek(place, self.positions[place])
        self._placed.set()

    async def _step(self, consumer: AIOKafkaConsumer) -> None:
        fetched = await consumer.getmany(timeout_ms=WAIT_MS)
        for place, records in fetched.items():
            for record in records:
                self._take(record)
                self.positions[place] = record.offset + 1
        for place in self.positions:
            # Markers take offsets too.
            self.positions[place] = max(self.positions[place], await consumer.position(place))
