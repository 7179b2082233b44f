"""The thread of the group's consumer: it keeps the membership alive, and hands whole fetches to the transport."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import aiokafka
from aiokafka import TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from faust.transport.drivers import aiokafka as driver

from streams.fetching import hand_on
from streams.gather import Place
from streams.login import connection
from streams.wire import Member

FETCH_WAIT_MS = 10
"""How long the broker may hold a fetch that finds nothing.

A client has one fetch under way per broker, which names only partitions whose records were taken: a longer wait would
keep those waiting for the quiet ones.
"""
PARTITION_FETCH_BYTES = 4 << 20
PREFETCH_BACKOFF_S = 0.002
"""aiokafka waits 0.1 s with the next fetch while one partition's records were not taken."""


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """The thread of the group's consumer."""

    brokers: str
    let_go: Callable[[], object]
    """Is told when the group has given this member's place away."""

    _called_back = False

    async def on_start(self) -> None:
        """Start the consumer; a partition whose records wait here must not hold up the fetch of all others."""
        await super().on_start()
        consumer = self._ensure_consumer()
        consumer._fetcher._prefetch_backoff = PREFETCH_BACKOFF_S
        coordinator = consumer._coordinator
        coordinator.reset_generation = partial(self._reset, coordinator.reset_generation)

    def _reset(self, reset: Callable[[], None]) -> None:
        if not self._ensure_consumer()._coordinator._closing.done():
            self.let_go()
        reset()

    def _create_worker_consumer(self, _transport: Any) -> aiokafka.AIOKafkaConsumer:
        conf = self.app.conf
        return aiokafka.AIOKafkaConsumer(
            client_id=conf.broker_client_id,
            group_id=conf.id,
            group_instance_id=conf.consumer_group_instance_id,
            **connection(self.brokers),
            # equal partition counts and one subscription: ranges keep co-partitioned topics together
            partition_assignment_strategy=[RangePartitionAssignor],
            enable_auto_commit=False,
            auto_offset_reset="none",  # the progress rows say where to read; a log that lost it is an error
            key_deserializer=hand_on,
            max_partition_fetch_bytes=PARTITION_FETCH_BYTES,
            fetch_max_wait_ms=FETCH_WAIT_MS,
            session_timeout_ms=int(conf.broker_session_timeout * 1000),
            rebalance_timeout_ms=int(conf.broker_rebalance_timeout * 1000),
            heartbeat_interval_ms=int(conf.broker_heartbeat_interval * 1000),
            isolation_level="read_committed",
            retry_backoff_ms=20,
        )

    async def fetch(
        self, free: set[TopicPartition], wait_s: float
    ) -> dict[TopicPartition, list[Any]]:
        """All fetched records of the free partitions; `free` may grow meanwhile, see `wake`."""
        work = asyncio.run_coroutine_threadsafe(self._fetch(free, wait_s), self.thread_loop)
        return await asyncio.wrap_future(work)

    async def _fetch(
        self, free: set[TopicPartition], wait_s: float
    ) -> dict[TopicPartition, list[Any]]:
        fetcher = self._ensure_consumer()._fetcher
        until = self.thread_loop.time() + wait_s
        while True:
            records: dict[TopicPartition, list[Any]]
            records = await fetcher.fetched_records(free)
            left = until - self.thread_loop.time()
            if records or self._called_back or left <= 0:
                self._called_back = False
                return records
            waiter = fetcher._create_fetch_waiter()
            await asyncio.wait([waiter], timeout=left)
            if not waiter.cancel():
                waiter.result()  # what went wrong in the background

    def member(self) -> Member:
        """Who this worker is in its group, as of the last rebalance."""
        coordinator = self._ensure_consumer()._coordinator
        return Member(
            coordinator.group_id,
            coordinator.generation,
            coordinator.member_id,
            self.app.conf.consumer_group_instance_id,
        )

    def remaining(self, place: Place) -> int:
        """Offsets of a partition that are committed and not fetched, as far as its last fetch told."""
        position, stable, _ = self.offsets(place)
        return max(0, stable - position)

    def offsets(self, place: Place) -> tuple[int, int, int]:
        """Next offset to fetch, end of what is committed, end of what is written, as its last fetch told; else 0."""
        consumer = self._consumer
        assignment = consumer and consumer._subscription.subscription.assignment
        state = assignment and assignment.state_value(TopicPartition(*place))
        if not state or state.lso is None or not state.has_valid_position:
            return 0, 0, 0
        return int(state.position), int(state.lso), int(state.highwater or state.lso)

    async def answers(self) -> bool:
        """Whether a broker answers a request now."""
        work = asyncio.run_coroutine_threadsafe(self._ask(), self.thread_loop)
        return await asyncio.wrap_future(work)

    async def _ask(self) -> bool:
        return bool(await self._ensure_consumer()._client.force_metadata_update())

    def wake(self, *, call_back: bool) -> None:
        """A partition became free: let the waiting fetch look again, or return with what there is."""
        if self._consumer is not None:
            self.thread_loop.call_soon_threadsafe(self._wake, call_back)

    def _wake(self, call_back: bool) -> None:
        self._called_back = self._called_back or call_back
        assert self._consumer is not None
        for waiter in list(self._consumer._fetcher._fetch_waiters):
            if not waiter.done():
                waiter.set_result(None)
