"""The yardstick: the least a Python consumer can do that still decodes every quote and keeps a state per key."""

import asyncio
import os
import time

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.messages import Quote
from tests.bench.result import Result, Task, digest, report, task

FETCH_TIMEOUT_MS = 1_000


async def partitions_of(consumer: AIOKafkaConsumer, topic: str) -> list[TopicPartition]:
    """All partitions of the topic; read from the broker, since a consumer without a group must name them."""
    await consumer._client._wait_on_metadata(topic)
    return [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]


async def fold(consumer: AIOKafkaConsumer, events: int) -> tuple[dict[str, tuple[float, int, int]], float]:
    """Reads `events` quotes into {symbol: (last mid, count, sum of sizes)}; the second result is the seconds it took."""
    decode = msgspec.json.Decoder(Quote).decode
    totals: dict[str, tuple[float, int, int]] = {}
    seen, started = 0, 0.0
    while seen < events:
        chunks = await consumer.getmany(timeout_ms=FETCH_TIMEOUT_MS)
        if chunks and not seen:
            started = time.perf_counter()
        for records in chunks.values():
            seen += len(records)
            for record in records:
                quote = decode(record.value)
                _, count, sizes = totals.get(quote.symbol, (0.0, 0, 0))
                totals[quote.symbol] = (
                    (quote.bid + quote.ask) / 2,
                    count + 1,
                    sizes + quote.bid_size + quote.ask_size,
                )
    return totals, time.perf_counter() - started


async def run(given: Task) -> Result:
    """Reads the topic from its start with read_committed, as every exactly-once contender must."""
    consumer = AIOKafkaConsumer(bootstrap_servers=given.broker, isolation_level="read_committed", max_partition_fetch_bytes=int(os.environ.get("FB", 1<<20)))
    await consumer.start()
    try:
        partitions = await partitions_of(consumer, given.topic)
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        totals, seconds = await fold(consumer, given.events)
    finally:
        await consumer.stop()
    return Result(given.events, seconds, digest(totals.values()))


if __name__ == "__main__":
    report(asyncio.run(run(task())))
