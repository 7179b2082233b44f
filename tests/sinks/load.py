"""Transactions over the sink's topics for as long as a fault lasts: aborts, jumps in time and poison among them."""

import asyncio
import random
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event

from aiokafka import AIOKafkaProducer

from streams import codec
from streams.topics import EVENTS, FILLS, POSITIONS, TRADES, Topic
from tests.sinks.conftest import PARTITIONS
from tests.sinks.flow import KEY
from tests.sinks.messages import START_MS, fill, order_event, position, trade
from tests.support.beside import beside

SIZE = 50
PAUSE_S = 0.04
ABORTED_EVERY = 5
DAY_MS = 86_400_000
JUMPS_MS = (0, -DAY_MS, 3_600_000, -3_600_000, 12 * 365 * DAY_MS, 999)
"""A day back, an hour on and back, past the year 2038."""

POISON: tuple[tuple[Topic, bytes | None], ...] = (
    (TRADES, b"\xff\xfe"),
    (TRADES, b""),
    (TRADES, b"[]"),
    (TRADES, codec.encode(trade(0)).replace(b'"size":5', b'"size":9223372036854775808')),
    (FILLS, codec.encode(fill(0, fee="NaN"))),
    (FILLS, codec.encode(fill(0, qty="1e400"))),
    (FILLS, codec.encode(fill(0, notional="0.0000000000000000001"))),
    (POSITIONS, b'{"account":"a"}'),
    (EVENTS, b'{"event_id":1}'),
    (EVENTS, None),
)
"""What no table takes: bytes, shapes, and numbers that a column would round or refuse."""


class Load:
    """poison: one record in a hundred is one of POISON. jumps: the records' times leap."""

    def __init__(
        self, kafka: str, chance: random.Random, *, poison: bool = False, jumps: bool = False
    ) -> None:
        self.poisoned = 0
        self._kafka = kafka
        self._chance = chance
        self._poison = poison
        self._jumps = jumps
        self._down = Event()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Load while the body runs."""
        with beside(lambda over: asyncio.run(self._run(over))):
            yield

    def stop(self) -> None:
        """Send no more; the transaction begun is ended."""
        self._down.set()

    async def _run(self, over: Event) -> None:
        name = f"load-{self._chance.randrange(10**9)}"
        async with AIOKafkaProducer(
            bootstrap_servers=self._kafka, transactional_id=name
        ) as producer:
            number = 0
            while not (over.is_set() or self._down.is_set()):
                await producer.begin_transaction()
                await asyncio.gather(*await self._send(producer, number))
                if number % ABORTED_EVERY == ABORTED_EVERY - 1:
                    await producer.abort_transaction()
                else:
                    await producer.commit_transaction()
                number += 1
                await asyncio.sleep(PAUSE_S)

    async def _send(self, producer: AIOKafkaProducer, number: int) -> list[asyncio.Future[object]]:
        sent = []
        time_ms = START_MS + number + (self._chance.choice(JUMPS_MS) if self._jumps else 0)
        for at in range(number * SIZE, (number + 1) * SIZE):
            for topic, value in self._records(at):
                future = await producer.send(
                    topic.name, value, KEY, partition=at % PARTITIONS, timestamp_ms=time_ms
                )
                sent.append(future)
        return sent

    def _records(self, at: int) -> Iterator[tuple[Topic, bytes | None]]:
        yield TRADES, codec.encode(trade(at))
        yield FILLS, codec.encode(fill(at))
        yield POSITIONS, codec.encode(position(at, account=f"paper-{at % PARTITIONS}"))
        yield EVENTS, codec.encode(order_event(at, "FILLED" if at % 4 < 2 else "WORKING"))
        if self._poison and at % 25 == 0:
            self.poisoned += 1
            yield POISON[at // 25 % len(POISON)]
