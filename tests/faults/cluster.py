"""The embedded broker under test: empty topics, records put into it, and what it holds."""

import asyncio
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import takewhile
from threading import Event

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from streams import admin, log, topics
from streams.log import Record
from streams.partition import partition_of
from tests.faults.workers import Worker

PARTITIONS = int(os.environ.get("HEADRACE_PARTITIONS", "4"))
PUT_MS_MAX = 300_000
Put = tuple[str, str, bytes | None, int | None]
"""topic, key, value, timestamp in ms."""


def empty_topics(brokers: str) -> None:
    """All topics of the catalogue, empty: those that exist are deleted first."""
    asyncio.run(_empty_topics(brokers))


async def _empty_topics(brokers: str) -> None:
    await _delete(brokers, topics.BY_NAME)
    await _apply(brokers)


def apply(brokers: str) -> None:
    """The topics of the catalogue that are missing."""
    asyncio.run(_apply(brokers))


async def _apply(brokers: str) -> None:
    await admin.apply(brokers, PARTITIONS, embedded=True)
    while await admin.check(brokers, PARTITIONS):  # noqa: ASYNC110  nothing to wait for
        await asyncio.sleep(0.05)


def delete(brokers: str, names: Iterable[str]) -> None:
    """Delete these topics."""
    asyncio.run(_delete(brokers, names))


async def _delete(brokers: str, names: Iterable[str]) -> None:
    async with admin.client(brokers) as client:
        stale = sorted(set(await client.list_topics()) & set(names))
        if stale:
            await client.delete_topics(stale)
        while set(await client.list_topics()) & set(stale):  # noqa: ASYNC110  nothing to wait for
            await asyncio.sleep(0.05)


def delete_records(brokers: str, topic: str, partition: int, *, before: int) -> None:
    """Truncate the beginning of one partition."""

    async def work() -> None:
        async with admin.client(brokers) as client:
            await client.delete_records({TopicPartition(topic, partition): RecordsToDelete(before)})

    asyncio.run(work())


def put(brokers: str, records: Iterable[Put]) -> None:
    """Append these records, each to the partition of its key, in order."""
    asyncio.run(put_async(brokers, records))


async def put_async(brokers: str, records: Iterable[Put], per_second: float = 0) -> None:
    """As `put`, within a loop; per_second: spread evenly at this rate, 0 = at once."""
    producer = AIOKafkaProducer(
        bootstrap_servers=brokers, enable_idempotence=True, linger_ms=5, max_batch_size=1 << 18
    )
    await producer.start()
    try:
        started = time.monotonic()
        for number, (topic, key, value, timestamp_ms) in enumerate(records):
            if per_second and number % 20 == 0:
                await asyncio.sleep(started + number / per_second - time.monotonic())
            count = topics.BY_NAME[topic].partitions(PARTITIONS)
            await producer.send(
                topic,
                value,
                key.encode(),
                partition=partition_of(key, count),
                timestamp_ms=timestamp_ms,
            )
        await producer.flush()
    finally:
        await producer.stop()


async def put_at_once(brokers: str, records: Iterable[Put]) -> None:
    """Append these records in one transaction: a reader sees all or none, and a marker after them."""
    producer = AIOKafkaProducer(
        bootstrap_servers=brokers,
        transactional_id="put-at-once",
        transaction_timeout_ms=PUT_MS_MAX,
        linger_ms=5,
        max_batch_size=1 << 18,
    )
    await producer.start()
    try:
        async with producer.transaction():
            for topic, key, value, timestamp_ms in records:
                count = topics.BY_NAME[topic].partitions(PARTITIONS)
                await producer.send(
                    topic,
                    value,
                    key.encode(),
                    partition=partition_of(key, count),
                    timestamp_ms=timestamp_ms,
                )
    finally:
        await producer.stop()


@contextmanager
def trickle(brokers: str, records: Iterable[Put], per_second: float) -> Iterator[None]:
    """Append these records evenly while the body runs, until it ends; what was taken of them is there then."""
    done = Event()
    with ThreadPoolExecutor(1) as pool:
        load = put_async(brokers, takewhile(lambda _: not done.is_set(), records), per_second)
        putting = pool.submit(asyncio.run, load)
        try:
            yield
        finally:
            done.set()
            putting.result()


@dataclass
class Fetched:
    """A record in the shape that a cell takes."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


def as_fetched(record: Record) -> Fetched:
    """A record as the transport would hand it to a cell."""
    return Fetched(record.offset, record.timestamp_ms, record.key, record.value)


def read(brokers: str, topic: str) -> list[Record]:
    """Every committed record of a topic."""
    return asyncio.run(log.read_all(brokers, topic))


def until_applied(names: Iterable[str], *workers: Worker, deadline_s: float = 60) -> float:
    """Wait until the group of these running workers has committed every record of these topics; the seconds it took.

    For topics that hold no transaction markers: those that a plain producer filled.
    """
    return asyncio.run(_until_applied(list(names), workers, deadline_s))


def until_decided(brokers: str, names: Iterable[str], deadline_s: float = 20) -> None:
    """Wait until no transaction of these topics is open: what a killed worker left ends by a time-out."""
    asyncio.run(_until_decided(brokers, list(names), deadline_s))


async def _until_decided(brokers: str, names: list[str], deadline_s: float) -> None:
    started = time.monotonic()
    while True:
        stable = await log.end_offsets(brokers, names)
        if stable == await log.end_offsets(brokers, names, "read_uncommitted"):
            return
        assert time.monotonic() - started < deadline_s, f"undecided: {stable}"
        await asyncio.sleep(0.2)


async def _until_applied(names: list[str], workers: Sequence[Worker], deadline_s: float) -> float:
    brokers, app = workers[0].brokers, workers[0].app
    started = time.monotonic()
    async with admin.client(brokers) as client, log.reader(brokers) as reader:
        places = await log.partitions_of(reader, names)
        node = await log.coordinator(client, app)
        while behind := await _behind(client, reader, app, node, places):
            assert time.monotonic() - started < deadline_s, f"not applied: {behind}"
            for worker in workers:
                assert worker.running(), f"{worker.name} ended:\n{worker.text()[-2000:]}"
            await asyncio.sleep(0.05)
    return time.monotonic() - started


async def _behind(
    client: AIOKafkaAdminClient,
    reader: AIOKafkaConsumer,
    app: str,
    node: int,
    places: list[TopicPartition],
) -> dict[TopicPartition, int]:
    ends: Mapping[TopicPartition, int] = await reader.end_offsets(places)
    committed = await log.group_offsets(client, app, node)
    return {p: ends[p] - committed.get(p, 0) for p in places if committed.get(p, 0) < ends[p]}
