"""How far a consumer group is behind, and whether a whole system is at rest."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from streams import log
from streams.admin import client


class Lag:
    """Watches one group on its input topics over connections that stay open."""

    def __init__(
        self,
        admin: AIOKafkaAdminClient,
        stable: AIOKafkaConsumer,
        written: AIOKafkaConsumer,
        group: str,
        inputs: list[TopicPartition],
        topics: list[TopicPartition],
    ) -> None:
        self._admin = admin
        self._stable = stable
        self._written = written
        self._group = group
        self._inputs = inputs
        self._topics = topics
        self._coordinator: int | None = None

    async def records(self) -> dict[TopicPartition, int]:
        """Offsets between the group's commit and the last stable offset, of the partitions that have any.

        A partition of which only transaction markers are left counts as done.
        """
        ends = await self._stable.end_offsets(self._inputs)
        committed = await self._committed()
        starts = {p: committed[p] for p in self._inputs if committed[p] < ends[p]}
        behind = await self._with_records(starts, ends)
        return {partition: ends[partition] - starts[partition] for partition in behind}

    async def at_rest(self) -> bool:
        """Whether the group has committed all its inputs and no transaction is open on any topic."""
        ends = await self._written.end_offsets(self._topics)
        if await self._stable.end_offsets(self._topics) != ends:
            return False
        if await self.records():
            return False
        # What the group wrote between the two looks is input again.
        return bool(await self._written.end_offsets(self._topics) == ends)

    async def _committed(self) -> dict[TopicPartition, int]:
        if self._coordinator is None:
            self._coordinator = await log.coordinator(self._admin, self._group)
        offsets = await log.group_offsets(self._admin, self._group, self._coordinator)
        begun = {p: offsets[p] for p in self._inputs if p in offsets}
        fresh = [p for p in self._inputs if p not in begun]
        starts = await self._stable.beginning_offsets(fresh) if fresh else {}
        return {**starts, **begun}

    async def _with_records(
        self, starts: dict[TopicPartition, int], ends: dict[TopicPartition, int]
    ) -> set[TopicPartition]:
        """The partitions that hold a record, not markers alone, between these offsets."""
        consumer, unknown = self._stable, set(starts)
        if starts:
            consumer.assign(list(starts))
        for partition, start in starts.items():
            consumer.seek(partition, start)
        found: set[TopicPartition] = set()
        while unknown:
            fetched = await consumer.getmany(timeout_ms=log.POLL_MS)
            found |= {p for p in unknown & fetched.keys() if fetched[p][0].offset < ends[p]}
            done = {p for p in unknown - found if await consumer.position(p) >= ends[p]}
            consumer.pause(*(unknown & (found | done)))
            unknown -= found | done
        return found


@asynccontextmanager
async def watch(
    brokers: str, group: str, inputs: Iterable[str], topics: Iterable[str]
) -> AsyncIterator[Lag]:
    """A `Lag` of this group. inputs: the topics it commits; topics: all that it reads or writes."""
    async with (
        client(brokers) as admin,
        log.reader(brokers) as stable,
        log.reader(brokers, "read_uncommitted") as written,
    ):
        consumed = await log.partitions_of(stable, inputs)
        every = await log.partitions_of(written, topics)
        yield Lag(admin, stable, written, group, consumed, every)
