"""Writes the events of a source to `market.trades` and `market.quotes`."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

from aiokafka import AIOKafkaProducer

from streams.feeds import retention
from streams.feeds.batches import BATCH_BYTES_MAX, Batches
from streams.feeds.source import Batch, Source
from streams.login import connection

Progress = Callable[[dict[str, int]], None]
"""Is told, after each batch, how many records were sent by topic so far."""


async def publish(
    source: Source,
    brokers: str,
    *,
    partitions: int,
    stop: asyncio.Event,
    on_progress: Progress | None = None,
    prefix: str = "",
) -> dict[str, int]:
    """Publishes until the source ends or `stop` is set; returns the records on the broker by topic.

    Key = symbol, partition = murmur2(symbol) % partitions, record timestamp = event time. The producer is idempotent:
    a retry neither loses nor doubles a record. prefix: stands before the topic names.
    Raises RetentionTooShort, and a KafkaError when the broker stays away.
    """
    if source.oldest_time is not None:
        await retention.refuse_old_records(brokers, source.oldest_time, time.time_ns(), prefix)
    producer = AIOKafkaProducer(
        **connection(brokers),
        enable_idempotence=True,
        acks="all",
        compression_type="lz4",
        max_batch_size=BATCH_BYTES_MAX,
    )
    await producer.start()
    try:
        batches = Batches(producer, partitions, prefix, source.status.acked_s)
        async for events in until(source.events(), stop):
            await batches.write(events)
            if on_progress is not None:
                on_progress(dict(batches.sent))
        await batches.settle()
        return dict(batches.sent)
    finally:
        await producer.stop()


async def until(batches: AsyncIterator[Batch], stop: asyncio.Event) -> AsyncIterator[Batch]:
    """The batches up to the moment `stop` is set; the batch under way is left, the source is closed."""
    stopped = asyncio.create_task(stop.wait())
    upcoming: asyncio.Future[Batch] | None = None
    try:
        while not stop.is_set():
            upcoming = asyncio.ensure_future(anext(batches))
            await asyncio.wait({upcoming, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not upcoming.done():
                return
            try:
                batch = upcoming.result()
            except StopAsyncIteration:
                return
            yield batch
    finally:
        await _end(stopped)
        if upcoming is not None:
            await _end(upcoming)
        if (close := getattr(batches, "aclose", None)) is not None:
            await close()


async def _end(task: asyncio.Future[Any]) -> None:
    task.cancel()
    await asyncio.wait({task})
