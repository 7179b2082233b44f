"""Gathers events into one Kafka batch a partition, which costs a fifth of sending them one by one."""

import asyncio
import time
from collections import Counter, deque

from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder

from streams import codec, topics
from streams.feeds.source import MILLISECOND_NS, Batch
from streams.messages import Trade
from streams.partition import partition_of

BATCH_BYTES_MAX = 256 * 1024
IN_FLIGHT_MAX = 64
"""Batches sent and not yet acknowledged; with their size this bounds the feed's memory."""


class Batches:
    """Fills and sends the batches of `market.trades` and `market.quotes`; order within a partition is kept.

    prefix: stands before both names, for runs beside the live topics. sent: records by topic that were
    handed over; they are on the broker after `settle`. acked_s: is told how long each batch took to
    get there.
    """

    def __init__(
        self,
        producer: AIOKafkaProducer,
        partitions: int,
        prefix: str = "",
        acked_s: deque[float] | None = None,
    ) -> None:
        self.sent: Counter[str] = Counter()
        self._acked_s = deque[float](maxlen=0) if acked_s is None else acked_s
        self._producer = producer
        self._partitions = partitions
        self._trades, self._quotes = prefix + topics.TRADES.name, prefix + topics.QUOTES.name
        self._open: dict[tuple[str, int], BatchBuilder] = {}
        self._in_flight: set[asyncio.Future[object]] = set()
        self._keys: dict[str, tuple[bytes, int]] = {}

    async def write(self, events: Batch) -> None:
        """Sends these events; returns when all of them are in the producer's hands."""
        for event in events:
            topic = self._trades if type(event) is Trade else self._quotes
            key, partition = self._keys.get(event.symbol) or self._key(event.symbol)
            await self._append(
                topic, partition, event.time // MILLISECOND_NS, key, codec.encode(event)
            )
            self.sent[topic] += 1
        for topic, partition in list(self._open):
            await self._send(topic, partition)

    async def settle(self) -> None:
        """Waits until every batch is on the broker; raises the first failure."""
        await asyncio.gather(*self._in_flight)
        self._in_flight.clear()

    def _key(self, symbol: str) -> tuple[bytes, int]:
        key = self._keys[symbol] = symbol.encode(), partition_of(symbol, self._partitions)
        return key

    async def _append(
        self, topic: str, partition: int, timestamp_ms: int, key: bytes, value: bytes
    ) -> None:
        builder = self._open.get((topic, partition))
        if builder is None:
            builder = self._open[topic, partition] = self._producer.create_batch()
        if builder.append(timestamp=timestamp_ms, key=key, value=value) is None:
            await self._send(topic, partition)
            builder = self._open[topic, partition] = self._producer.create_batch()
            if builder.append(timestamp=timestamp_ms, key=key, value=value) is None:
                raise AssertionError("one market event is larger than a whole batch")

    async def _send(self, topic: str, partition: int) -> None:
        builder = self._open.pop((topic, partition))
        builder.close()
        sent = await self._producer.send_batch(builder, topic, partition=partition)
        started = time.perf_counter()
        sent.add_done_callback(lambda _: self._acked_s.append(time.perf_counter() - started))
        self._in_flight.add(sent)
        self._in_flight = await _bounded(self._in_flight)


async def _bounded(in_flight: set[asyncio.Future[object]]) -> set[asyncio.Future[object]]:
    """Drops what arrived, raising its failure; waits while too many batches are under way."""
    while True:
        arrived = {batch for batch in in_flight if batch.done()}
        for batch in arrived:
            batch.result()
        in_flight = in_flight - arrived
        if len(in_flight) < IN_FLIGHT_MAX:
            return in_flight
        await asyncio.wait(in_flight, return_when=asyncio.FIRST_COMPLETED)
