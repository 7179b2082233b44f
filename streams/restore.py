"""Reads a changelog partition from its beginning to its end, as committed, before its cell reads any input."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

PROGRESS_TIMEOUT_S = 30.0


class Stalled(Exception):
    """No record arrived for `PROGRESS_TIMEOUT_S` while the end was not reached."""


async def changelog(brokers: str, topic: str, partition: int) -> AsyncIterator[list[Any]]:
    """Batches of records of one partition, read_committed, up to the end as it is after the fence.

    The end is compared with the position, since transaction markers leave gaps. Raises Stalled.
    """
    consumer = AIOKafkaConsumer(
        bootstrap_servers=brokers,
        group_id=None,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        fetch_max_wait_ms=50,
        max_partition_fetch_bytes=4 << 20,
    )
    await consumer.start()
    try:
        place = TopicPartition(topic, partition)
        consumer.assign([place])
        end = (await consumer.end_offsets([place]))[place]
        await consumer.seek_to_beginning(place)
        async for batch in _until(consumer, place, end):
            yield batch
    finally:
        await consumer.stop()


async def _until(
    consumer: AIOKafkaConsumer, place: TopicPartition, end: int
) -> AsyncIterator[list[Any]]:
    loop = asyncio.get_running_loop()
    moved = loop.time()
    position = await consumer.position(place)
    while position < end:
        records = (await consumer.getmany(place, timeout_ms=100)).get(place, [])
        if records:
            yield records
        before, position = position, await consumer.position(place)
        if position > before:
            moved = loop.time()
        elif loop.time() - moved > PROGRESS_TIMEOUT_S:
            raise Stalled(f"{place.topic}[{place.partition}] stands at {position} of {end}")
