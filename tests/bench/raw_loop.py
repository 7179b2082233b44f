"""The yardstick: the least a Python consumer can do that still decodes every tick and keeps a state per key."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer

from streams.messages import Quote, Trade
from tests.bench.result import Result, Task, digest, report, task

FETCH_TIMEOUT_MS = 1_000
Totals = dict[str, tuple[float, int, int]]
"""Symbol -> last mid in ticks, how many ticks, the sum of their sizes in lots."""

Fold = Callable[[Sequence[Any], Totals], None]

decode_quote = msgspec.json.Decoder(Quote).decode
decode_trade = msgspec.json.Decoder(Trade).decode


def quotes(records: Sequence[Any], totals: Totals) -> None:
    """Folds records of quotes."""
    decode = decode_quote
    for record in records:
        quote = decode(record.value)
        _, count, sizes = totals.get(quote.symbol, (0.0, 0, 0))
        totals[quote.symbol] = (
            (quote.bid + quote.ask) / 2,
            count + 1,
            sizes + quote.bid_size + quote.ask_size,
        )


def trades(records: Sequence[Any], totals: Totals) -> None:
    """Folds records of trades, which move no mid."""
    decode = decode_trade
    for record in records:
        trade = decode(record.value)
        mid, count, sizes = totals.get(trade.symbol, (0.0, 0, 0))
        totals[trade.symbol] = (mid, count + 1, sizes + trade.size)


async def fold(
    consumer: AIOKafkaConsumer, folds: dict[str, Fold], events: int
) -> tuple[Totals, float]:
    """Reads `events` ticks into totals by symbol; the second result is the seconds it took."""
    totals: Totals = {}
    seen, started = 0, 0.0
    while seen < events:
        chunks = await consumer.getmany(timeout_ms=FETCH_TIMEOUT_MS)
        if chunks and not seen:
            started = time.perf_counter()
        for place, records in chunks.items():
            seen += len(records)
            folds[place.topic](records, totals)
    return totals, time.perf_counter() - started


async def run(given: Task) -> Result:
    """Reads the topics from their start with read_committed, as every exactly-once contender must."""
    consumer = AIOKafkaConsumer(
        *given.topics,
        bootstrap_servers=given.broker,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    )
    folds: dict[str, Fold] = dict(zip(given.topics, (quotes, trades), strict=False))
    await consumer.start()
    try:
        totals, seconds = await fold(consumer, folds, given.events)
    finally:
        await consumer.stop()
    state = digest(totals.values())
    return Result(state.count, seconds, state)


if __name__ == "__main__":
    report(asyncio.run(run(task())))
