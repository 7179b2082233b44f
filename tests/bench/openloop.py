"""Open-loop load: each record has a moment at which it is to be sent, whatever the engine does meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder

from streams.partition import partition_of
from streams.topics import Topic

TICK_S = 0.001
"""What falls due within one tick goes in one batch a partition; latency counts from when each was due."""


class Item(NamedTuple):
    """One record to send. time_ms: its timestamp."""

    key: str
    value: bytes
    time_ms: int


class Sender:
    """Sends what is due at once, in one batch a partition."""

    def __init__(self, producer: AIOKafkaProducer, partitions: int) -> None:
        self._producer = producer
        self._partitions = partitions
        self._in_flight: set[asyncio.Future[object]] = set()
        self._failures: list[BaseException] = []

    async def send(self, topic: Topic, items: Iterable[Item]) -> None:
        """Returns when the producer has taken them. Raises the failure of an earlier batch."""
        if self._failures:
            raise self._failures[0]
        count = topic.partitions(self._partitions)
        batches: dict[int, list[BatchBuilder]] = {}
        for item in items:
            of = batches.setdefault(partition_of(item.key, count), [])
            fields = {"key": item.key.encode(), "value": item.value, "timestamp": item.time_ms}
            if not of or of[-1].append(**fields) is None:
                of.append(self._producer.create_batch())
                of[-1].append(**fields)
        await asyncio.gather(*(self._send(topic, p, of) for p, of in batches.items()))

    async def settle(self) -> None:
        """Waits until everything is on the broker. Raises the first failure."""
        await asyncio.gather(*self._in_flight)
        if self._failures:
            raise self._failures[0]

    async def _send(self, topic: Topic, partition: int, batches: list[BatchBuilder]) -> None:
        for batch in batches:
            sent = await self._producer.send_batch(batch, topic.name, partition=partition)
            self._in_flight.add(sent)
            sent.add_done_callback(self._arrived)

    def _arrived(self, sent: asyncio.Future[object]) -> None:
        self._in_flight.discard(sent)
        if not sent.cancelled() and (failure := sent.exception()):
            self._failures.append(failure)


Send = Callable[[range], Awaitable[None]]
"""Sends the items of these numbers."""


async def flow(total: int, rate: float, start: float, send: Send) -> float:
    """Sends items 0 to `total`, number n when it is due: at `start` (of the loop's clock) + n / rate.

    Returns the worst lateness in seconds: how long after its moment the producer had taken an item.
    """
    clock = asyncio.get_running_loop().time
    done, late = 0, 0.0
    while done < total:
        await asyncio.sleep(max(TICK_S, start + done / rate - clock()))
        due = min(total, int((clock() - start) * rate) + 1)
        if due > done:
            await send(range(done, due))
            late = max(late, clock() - (start + done / rate))
            done = due
    return late
