"""Writes single records from the command line: acknowledged by all replicas, and never sent twice by a retry."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaProducer

from streams import control
from streams.ids import Ref
from streams.login import connection, start
from streams.topics import CONTROL, Topic

TIMEOUT_MS = 10_000


@asynccontextmanager
async def producer(brokers: str) -> AsyncIterator[AIOKafkaProducer]:
    """A started idempotent producer with Kafka's default partitioner (murmur2 of the key)."""
    opened = AIOKafkaProducer(
        **connection(brokers),
        acks="all",
        enable_idempotence=True,
        request_timeout_ms=TIMEOUT_MS,
    )
    try:
        await start(opened, brokers)
        yield opened
    finally:
        await opened.stop()


async def send(
    to: AIOKafkaProducer, topic: Topic, key: str, value: bytes, at_ms: int | None = None
) -> Ref:
    """Append one record, at the present time unless `at_ms`; returns where it stands once all replicas have it."""
    at_ms = time.time_ns() // 1_000_000 if at_ms is None else at_ms
    sent = await to.send_and_wait(topic.name, value, key.encode(), timestamp_ms=at_ms)
    return Ref(sent.topic, sent.partition, sent.offset)


async def send_control(
    to: AIOKafkaProducer, record: control.Record, at_ms: int | None = None
) -> Ref:
    """Append a record to `control` under its key."""
    return await send(to, CONTROL, control.key(record), control.encode(record), at_ms)
