"""Reads ranges of topics as they stand, with no consumer group: for reports, checks and the command line."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, Literal, NamedTuple

import stamina
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError

from streams.login import connection, start

Isolation = Literal["read_committed", "read_uncommitted"]
POLL_MS = 5
"""Short: behind a trailing marker no record comes, and a fetch waits this long for one."""
COORDINATOR_TIMEOUT_S = 20.0
SETTLE_S = 0.05


class Record(NamedTuple):
    """One record as it lies in the log."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


@asynccontextmanager
async def reader(
    brokers: str, isolation: Isolation = "read_committed", wait_ms: int = POLL_MS
) -> AsyncIterator[AIOKafkaConsumer]:
    """A started consumer of no group, with nothing assigned. wait_ms: how long the broker waits for new records."""
    consumer = AIOKafkaConsumer(
        **connection(brokers),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="none",
        isolation_level=isolation,
        fetch_max_wait_ms=wait_ms,
    )
    try:
        await start(consumer, brokers)
        yield consumer
    finally:
        await consumer.stop()


async def read_all(
    brokers: str, topic: str, *, partition: int | None = None, start: int | None = None
) -> list[Record]:
    """Every committed record of a topic up to its present end, by partition, then offset.

    partition: that one alone. start: the first offset wanted, else the beginning of the log.
    """
    async with reader(brokers) as consumer:
        found = await partitions_of(consumer, [topic])
        wanted = [p for p in found if partition is None or p.partition == partition]
        starts = await consumer.beginning_offsets(wanted)
        if start is not None:
            starts = {p: max(first, start) for p, first in starts.items()}
        records = [record async for record in between(consumer, starts)]
    return sorted(records, key=lambda record: (record.partition, record.offset))


async def between(
    consumer: AIOKafkaConsumer,
    starts: dict[TopicPartition, int],
    ends: dict[TopicPartition, int] | None = None,
) -> AsyncIterator[Record]:
    """The records from these offsets up to `ends`, else to the ends as they are now.

    Transaction markers take offsets too, so a partition is read when the position, not a record, has reached the end.
    """
    if ends is None:
        ends = await consumer.end_offsets(list(starts)) if starts else {}
    open_partitions = {p for p, end in ends.items() if starts[p] < end}
    if not open_partitions:
        return
    consumer.assign(list(open_partitions))
    for partition in open_partitions:
        consumer.seek(partition, starts[partition])
    while open_partitions:
        for partition, fetched in (await consumer.getmany(timeout_ms=POLL_MS)).items():
            for record in fetched:
                if record.offset < ends[partition]:
                    yield _record(record)
        for partition in tuple(open_partitions):
            if await consumer.position(partition) >= ends[partition]:
                open_partitions.discard(partition)
                consumer.pause(partition)


async def settled_ends(
    brokers: str, places: list[TopicPartition], deadline_s: float = 20.0
) -> dict[TopicPartition, int]:
    """The present high watermarks, once every transaction that began below them has ended. Raises TimeoutError.

    A reader of committed records that goes up to there misses nothing of what was committed before the call.
    """
    async with reader(brokers, "read_uncommitted") as written, reader(brokers) as committed:
        ends = dict(await written.end_offsets(places))
        async with asyncio.timeout(deadline_s):
            while any(  # noqa: ASYNC110  nothing to wait for
                stable < ends[place]
                for place, stable in (await committed.end_offsets(places)).items()
            ):
                await asyncio.sleep(SETTLE_S)
    return ends


async def partitions_of(consumer: AIOKafkaConsumer, topics: Iterable[str]) -> list[TopicPartition]:
    """All partitions of these topics; LookupError for a topic that does not exist."""
    # The public calls know only the topics that this consumer has asked for before.
    cluster = await consumer._client.fetch_all_metadata()
    found = []
    for topic in topics:
        numbers = cluster.partitions_for_topic(topic)
        if not numbers:
            raise LookupError(f"no topic {topic} on this cluster")
        found += [TopicPartition(topic, number) for number in sorted(numbers)]
    return found


async def end_offsets(
    brokers: str, topics: Iterable[str], isolation: Isolation = "read_committed"
) -> dict[TopicPartition, int]:
    """The end of each partition: the last stable offset, or the high watermark for read_uncommitted."""
    async with reader(brokers, isolation) as consumer:
        return dict(await consumer.end_offsets(await partitions_of(consumer, topics)))


async def end_offsets_of(
    brokers: str, places: Iterable[TopicPartition], isolation: Isolation = "read_committed"
) -> dict[TopicPartition, int]:
    """The end of each of these partitions."""
    async with reader(brokers, isolation) as consumer:
        return dict(await consumer.end_offsets(list(places)))


async def coordinator(admin: AIOKafkaAdminClient, group: str) -> int:
    """The node that keeps a group's offsets; a new cluster needs a moment to appoint one."""
    async for attempt in stamina.retry_context(
        on=GroupCoordinatorNotAvailableError, timeout=COORDINATOR_TIMEOUT_S, wait_max=1.0
    ):
        with attempt:
            node: int = await admin.find_coordinator(group)
    return node


async def group_offsets(
    admin: AIOKafkaAdminClient, group: str, node: int
) -> dict[TopicPartition, int]:
    """What a group has committed, asked of its coordinator."""
    offsets = await admin.list_consumer_group_offsets(group, group_coordinator_id=node)
    return {partition: entry.offset for partition, entry in offsets.items() if entry.offset >= 0}


def _record(record: Any) -> Record:
    return Record(
        record.topic,
        record.partition,
        record.offset,
        record.timestamp,
        record.key,
        record.value,
        tuple(record.headers),
    )
