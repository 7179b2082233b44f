"""The sink's end of the log: partitions by consumer group, positions from the database, records in batches."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import IllegalStateError, NoOffsetForPartitionError, OffsetOutOfRangeError

from sinks.batch import Batch, Place, Span
from sinks.history import History
from streams.login import connection

log = logging.getLogger("headrace.sink")

LINGER_S = 0.2
"""A batch that is not full waits this long for more, and as long as the one before it is being written."""

POLL_S = 0.05
SLICE = 250
"""Records decoded before others get their turn: the writer beside us waits for the loop at each of its statements."""

FOR_EVER_MS = 2**31 - 1
FETCH_BYTES_MAX = 8 << 20
"""What the client holds for us while nothing is taken from it."""


class LogChanged(Exception):
    """The log does not hold what the database says comes next; a person has to act."""


class Intake(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka carries no types
    """Reads committed records of the partitions that this process owns.

    generation: rises with every change of the assignment; what was read under an older one is worthless.
    turn: held by whoever writes, so that partitions are not given up in the middle of a transaction.
    """

    def __init__(
        self,
        brokers: str,
        group: str,
        topics: Iterable[str],
        *,
        instance: str = "",
        session_timeout_s: float = 6.0,
    ) -> None:
        self.generation = 0
        self.turn = asyncio.Lock()
        self._topics = tuple(topics)
        self._assigned = asyncio.Event()
        self._claimed = -1
        self._read: dict[Place, int] = {}
        self._stored: dict[Place, int] = {}
        self._consumer = AIOKafkaConsumer(
            **connection(brokers),
            group_id=group,
            group_instance_id=instance or None,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="none",
            session_timeout_ms=int(session_timeout_s * 1000),
            heartbeat_interval_ms=int(session_timeout_s * 1000 / 6),
            max_poll_interval_ms=FOR_EVER_MS,  # nothing is read while the database is down
            fetch_max_wait_ms=100,
            fetch_max_bytes=FETCH_BYTES_MAX,
        )

    @property
    def is_claimed(self) -> bool:
        """Whether the present assignment's positions are known and may be read from."""
        return self._claimed == self.generation

    @property
    def places(self) -> list[Place]:
        """The partitions of the present claim."""
        return list(self._read) if self.is_claimed else []

    async def start(self) -> None:
        """Join the group. Raises KafkaError when no broker answers."""
        await self._consumer.start()
        self._consumer.subscribe(topics=self._topics, listener=self)

    async def stop(self) -> None:
        """Leave the group."""
        await self._consumer.stop()

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Called by the consumer; the group waits until our transaction has ended."""
        self.generation += 1
        self._assigned.clear()
        async with self.turn:
            pass

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Called by the consumer. What is ours now is claimed by the reading task."""
        self.generation += 1
        self._assigned.set()

    async def claim(self, history: History) -> None:
        """Take over what is assigned and seek to where the database is. Raises LOST, LogChanged, KafkaError."""
        await self._assigned.wait()
        generation, partitions = self.generation, list(self._consumer.assignment())
        async with self.turn:
            claims = await history.claim((p.topic, p.partition) for p in partitions)
        begins = await self._consumer.beginning_offsets(partitions) if partitions else {}
        ends = await self._consumer.end_offsets(partitions) if partitions else {}
        if generation != self.generation:
            return
        self._stored = {place: claim.next for place, claim in claims.items()}
        self._read = dict(self._stored)
        for partition in partitions:
            next_ = self._stored[partition.topic, partition.partition]
            start = _start(partition, next_, begins[partition], ends[partition])
            self._consumer.seek(partition, start)
        self._claimed = generation

    async def gather(self, busy: Callable[[], bool]) -> Batch | None:
        """The next batch; None when nothing came or the assignment changed. Raises LogChanged, KafkaError."""
        batch = Batch(self.generation)
        deadline: float | None = None
        while batch.room > 0:
            wait_s = LINGER_S if deadline is None else deadline - time.monotonic()
            if wait_s <= 0:
                if not busy():
                    break
                wait_s = POLL_S
            if not await self._fetch(batch, wait_s):
                return None
            await asyncio.sleep(0)
            if deadline is None:
                if not batch.spans:
                    return None
                deadline = time.monotonic() + LINGER_S
        batch.seal()
        return batch

    async def _fetch(self, batch: Batch, wait_s: float) -> bool:
        """Add what comes within the wait; False when the assignment changed meanwhile."""
        try:
            fetched = await self._consumer.getmany(
                timeout_ms=int(wait_s * 1000), max_records=min(batch.room, SLICE)
            )
        except NoOffsetForPartitionError:
            if self.is_claimed:
                raise
            return False  # a new assignment that is not claimed yet
        except OffsetOutOfRangeError as error:
            raise LogChanged(f"offset out of range: {error}") from error
        if batch.generation != self.generation or not self.is_claimed:
            return False
        for partition, records in fetched.items():
            place = (partition.topic, partition.partition)
            next_ = await self._consumer.position(partition)
            batch.add(place, Span(self._read[place], next_), records)
            self._read[place] = next_
        return True

    def next(self, place: Place) -> int:
        """The first offset of a claimed partition that is not in the database."""
        return self._stored[place]

    def stored(self, batch: Batch) -> None:
        """A batch is in the database."""
        for place, span in batch.spans.items():
            self._stored[place] = span.next

    async def behind(self) -> int:
        """Records and markers below the last stable offset that are not stored. Raises KafkaError."""
        partitions = list(self._consumer.assignment()) if self.is_claimed else []
        ends = await self._consumer.end_offsets(partitions) if partitions else {}
        lag = 0
        for partition, end in ends.items():
            reached = await self._reached(partition, (partition.topic, partition.partition))
            lag += max(0, end - reached)
        return lag

    async def show(self) -> None:
        """Commit what is stored to the group, for Kafka's own tools; nothing reads it back. Raises KafkaError."""
        partitions = list(self._consumer.assignment()) if self.is_claimed else []
        reached = {p: await self._reached(p, (p.topic, p.partition)) for p in partitions}
        if reached:
            await self._consumer.commit(reached)

    async def _reached(self, partition: TopicPartition, place: Place) -> int:
        """What is stored, and past the transaction markers behind it. Raises KafkaError on a change of assignment."""
        if place not in self._stored:
            raise IllegalStateError(f"{place} is not claimed")
        if self._stored[place] < self._read[place]:
            return self._stored[place]
        return max(self._stored[place], int(await self._consumer.position(partition)))


def _start(partition: TopicPartition, next_: int, begin: int, end: int) -> int:
    """Where to read on. Raises LogChanged when the log has lost what comes next, or was made anew."""
    if next_ == 0:
        return begin  # nothing of it was ever stored
    if not begin <= next_ <= end:
        raise LogChanged(
            f"{partition.topic}[{partition.partition}] holds offsets {begin} to {end} and the "
            f"database wants {next_} next: records were deleted before they were stored, or the "
            "topic was made anew"
        )
    return next_
