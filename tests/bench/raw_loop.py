"""The yardstick: the least a Python consumer can do that still decodes every quote and keeps a state per key."""

import asyncio
import time

import msgspec
from aiokafka import AIOKafkaConsumer

from streams.messages import Quote
from tests.bench.result import Result, Task, digest, report, task

FETCH_TIMEOUT_MS = 1_000
Totals = tuple[float, int, int]
"""Last mid in ticks, how many quotes, the sum of their sizes in lots."""


async def fold(consumer: AIOKafkaConsumer, events: int) -> tuple[dict[str, Totals], float]:
    """Reads `events` quotes into totals by symbol; the second result is the seconds it took."""
    decode = msgspec.json.Decoder(Quote).decode
    totals: dict[str, Totals] = {}
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
    consumer = AIOKafkaConsumer(
        given.topic,
        bootstrap_servers=given.broker,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    )
    await consumer.start()
    try:
        totals, seconds = await fold(consumer, given.events)
    finally:
        await consumer.stop()
    state = digest(totals.values())
    return Result(state.count, seconds, state)


if __name__ == "__main__":
    report(asyncio.run(run(task())))
