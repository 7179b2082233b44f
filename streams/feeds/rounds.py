"""Writes event-time rounds one at a time, so that a run repeats to equal hashes."""

from collections.abc import Awaitable, Callable

import aiokafka.producer.sender as sender
from aiokafka import AIOKafkaProducer

from streams.feeds.batches import BATCH_BYTES_MAX, Batches
from streams.feeds.publisher import Progress
from streams.feeds.source import Batches as Rounds
from streams.login import connection

sender.BACKOFF_OVERRIDE = 0.001  # aiokafka waits 20 ms between transactions otherwise
RETRY_BACKOFF_MS = 2
TRANSACTIONAL_ID = "headrace-feed-rounds"


async def publish_rounds(
    rounds: Rounds,
    brokers: str,
    *,
    partitions: int,
    idle: Callable[[], Awaitable[None]],
    transactional_id: str = TRANSACTIONAL_ID,
    on_progress: Progress | None = None,
    prefix: str = "",
) -> dict[str, int]:
    """Publishes each round in one transaction, then awaits `idle`; returns the committed records by topic.

    idle: returns when the system has worked off everything. An empty round writes nothing and waits for nothing. On
    any failure the open transaction is aborted and the error goes on.
    """
    producer = AIOKafkaProducer(
        **connection(brokers),
        transactional_id=transactional_id,
        acks="all",
        compression_type="lz4",
        max_batch_size=BATCH_BYTES_MAX,
        retry_backoff_ms=RETRY_BACKOFF_MS,
    )
    await producer.start()
    try:
        batches = Batches(producer, partitions, prefix)
        for events in rounds:
            if not events:
                continue
            async with producer.transaction():
                await batches.write(events)
                await batches.settle()
            if on_progress is not None:
                on_progress(dict(batches.sent))
            await idle()
        return dict(batches.sent)
    finally:
        await producer.stop()
