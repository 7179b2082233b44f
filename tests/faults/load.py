"""Open-loop load for the crash proofs: a market, and orders as a foreign program would send them."""

import asyncio
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any

from aiokafka import AIOKafkaProducer

from streams.partition import partition_of
from streams.topics import BY_NAME
from tests.faults import market
from tests.faults.cluster import PARTITIONS, Put
from tests.faults.commands import Commands, name_of
from tests.faults.market import Market
from tests.support.beside import beside

TICKS_PER_S = 300
ORDERS_PER_S = 40
TURN_S = 0.02


class Load:
    """What one run sends. acked: (account, client_order_id) of commands that the broker has confirmed."""

    def __init__(self, brokers: str, seed: int) -> None:
        self.acked: set[tuple[str, str]] = set()
        self.orders = 0
        self._brokers = brokers
        chance = random.Random(seed)
        self._market = Market(chance, time.time_ns)
        self._commands = Commands(chance, self._market, time.time_ns)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Send at a fixed rate while the body runs; all is acknowledged when it ends."""
        with beside(lambda done: asyncio.run(self._send_all(done))):
            yield

    async def _send_all(self, done: Event) -> None:
        producer = AIOKafkaProducer(
            bootstrap_servers=self._brokers, enable_idempotence=True, request_timeout_ms=60_000
        )
        await producer.start()
        try:
            if not self.orders:
                for put in market.reference(time.time_ns() // 1_000_000):
                    await self._send(producer, put)
                await producer.flush()
            await self._at_a_fixed_rate(producer, done)
            await producer.flush()
        finally:
            await producer.stop()

    async def _at_a_fixed_rate(self, producer: AIOKafkaProducer, done: Event) -> None:
        """The times are fixed beforehand: what could not be sent in time follows at once."""
        started, ticks, orders = time.monotonic(), 0, 0
        while not done.is_set():
            passed = time.monotonic() - started
            for _ in range(int(passed * TICKS_PER_S) - ticks):
                await self._send(producer, self._market.tick())
                ticks += 1
            for _ in range(int(passed * ORDERS_PER_S) - orders):
                await self._send(producer, self._commands.next())
                orders += 1
            await asyncio.sleep(TURN_S)

    async def _send(self, producer: AIOKafkaProducer, put: Put) -> None:
        topic, key, value, moment = put
        partition = partition_of(key, BY_NAME[topic].partitions(PARTITIONS))
        future = await producer.send(
            topic, value, key.encode(), partition=partition, timestamp_ms=moment
        )
        if topic == "orders":
            self.orders += 1
            name = name_of(value)
            future.add_done_callback(lambda sent: self._note(name, sent))

    def _note(self, name: tuple[str, str] | None, sent: "asyncio.Future[Any]") -> None:
        if name is not None and not sent.cancelled() and sent.exception() is None:
            self.acked.add(name)
