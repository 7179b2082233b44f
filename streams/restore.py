"""Reads changelog partitions from their beginning to their end, as committed, before their cells read any input."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.log import end_offsets_of
from streams.login import connection

PROGRESS_TIMEOUT_S = 30.0


class Stalled(Exception):
    """No record arrived for `PROGRESS_TIMEOUT_S` while an end was not reached."""


async def changelogs(
    brokers: str, places: Sequence[TopicPartition]
) -> AsyncIterator[tuple[TopicPartition, list[Any]]]:
    """Batches of records of these partitions, read_committed, up to the ends as they are now.

    The end is that of all records, committed or not: what a former owner left open before records that are committed
    is waited for. It is compared with the position, since transaction markers leave gaps. Raises Stalled.
    """
    if not places:
        return
    ends = await end_offsets_of(brokers, places, "read_uncommitted")
    consumer = AIOKafkaConsumer(
        **connection(brokers),
        group_id=None,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        fetch_max_wait_ms=50,
        max_partition_fetch_bytes=4 << 20,
    )
    await consumer.start()
    try:
        consumer.assign(list(places))
        await consumer.seek_to_beginning(*places)
        async for place, batch in _until(consumer, ends):
            yield place, batch
    finally:
        await consumer.stop()


async def _until(
    consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int]
) -> AsyncIterator[tuple[TopicPartition, list[Any]]]:
    loop = asyncio.get_running_loop()
    moved, before = loop.time(), -1
    while True:
        positions = {place: await consumer.position(place) for place in ends}
        left = {place: end for place, end in ends.items() if positions[place] < end}
        if not left:
            return
        for place in ends.keys() - left.keys() - consumer.paused():
            consumer.pause(place)
        if sum(positions.values()) > before:
            moved, before = loop.time(), sum(positions.values())
        elif loop.time() - moved > PROGRESS_TIMEOUT_S:
            place, end = next(iter(left.items()))
            raise Stalled(f"{place.topic}[{place.partition}] stands at {positions[place]} of {end}")
        for place, records in (await consumer.getmany(timeout_ms=100)).items():
            yield place, records
