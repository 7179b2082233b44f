"""The chunk transport: a Faust transport that hands agents whole fetched chunks and commits each in one transaction.

Scheme `chunk://`. Faust brings the consumer group, the agents and the worker; offsets, transactions and tables
belong to the app's `Binding`. A partition is busy from the moment its chunk is handed over until the binding
releases it, and a busy partition is not fetched into, so load makes chunks larger, not queues longer.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any, Protocol

import aiokafka
import faust
from aiokafka import TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError
from faust.transport.consumer import TransactionManager
from faust.transport.drivers import aiokafka as driver
from faust.types.tuples import TP, ConsumerMessage

from streams.exits import Exit

FETCH_WAIT_MS = 500
PARTITION_FETCH_BYTES = 4 << 20
POLL_S = 1.0


class Binding(Protocol):
    """What the transport asks of the app: cells that own partitions, and the order to end the process."""

    async def assigned(self, assigned: set[TP], revoked: set[TP]) -> None:
        """Fence and restore the cells of these partitions, stop those of others, before anything is read."""

    async def run(self, tp: TP, records: list[Any]) -> None:
        """Fold and commit one chunk; returns when its partition may be fetched into again."""

    async def turn(self) -> tuple[TP, list[Any]] | None:
        """In lockstep: the next chunk; None: nothing yet, ask again."""

    async def drain(self) -> None:
        """Take no more chunks until the next `assigned`, and let what has begun commit."""

    def position(self, tp: TP) -> int | None:
        """The first offset of an assigned partition that its cell has not applied; None: it has applied none."""

    async def close(self) -> None:
        """Stop the producers, after a drain."""

    def states(self) -> list[Any]:
        """The cells, for those who only read."""

    def end(self, code: Exit, reason: str) -> None:
        """End the process now."""


class App(faust.App):
    """A Faust app whose cells are kept by a binding."""

    binding: Binding
    lockstep: bool = False


def hand_on(key: bytes | None) -> bytes | None:
    """Marks a consumer whose records come as the parser made them (offset, timestamp, key, value, headers)."""
    return key


def _consumer_record(self: Any, tp: TopicPartition, record: Any) -> Any:
    if self._key_deserializer is hand_on:
        return record  # aiokafka's own 12-field copy of it costs a third of a fetch
    return _original(self, tp, record)


_original = fetcher.PartitionRecords._consumer_record
fetcher.PartitionRecords._consumer_record = _consumer_record


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """The thread of the group's consumer."""

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:
        conf = self.app.conf
        return aiokafka.AIOKafkaConsumer(
            client_id=conf.broker_client_id,
            group_id=conf.id,
            group_instance_id=conf.consumer_group_instance_id,
            bootstrap_servers=driver.server_list(transport.url, transport.default_port),
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

    async def fetch(self, free: set[TopicPartition], most: int) -> dict[TopicPartition, list[Any]]:
        """Records of the free partitions, at most `most`; `free` may grow meanwhile, see `wake`."""
        work = asyncio.run_coroutine_threadsafe(self._fetch(free, most), self.thread_loop)
        return await asyncio.wrap_future(work)

    async def _fetch(self, free: set[TopicPartition], most: int) -> dict[TopicPartition, list[Any]]:
        consumer = self._ensure_consumer()
        records: dict[TopicPartition, list[Any]]
        records = await consumer._fetcher.fetched_records(free, POLL_S, max_records=most)
        return records

    def wake(self) -> None:
        """A partition became free: let the waiting fetch look again."""
        if self._consumer is not None:
            self.thread_loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        assert self._consumer is not None
        for waiter in list(self._consumer._fetcher._fetch_waiters):
            if not waiter.done():
                waiter.set_result(None)


class Consumer(driver.Consumer):
    """Yields one Faust message per fetched partition: value = the list of its records."""

    app: App
    _thread: ConsumerThread

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._busy: set[TopicPartition] = set()
        self._free: set[TopicPartition] = set()
        self._freed = asyncio.Event()

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def release(self, tp: TP) -> None:
        """The chunk of this partition is settled: fetch into it again."""
        place = TopicPartition(tp.topic, tp.partition)
        self._busy.discard(place)
        self._free.add(place)
        self._freed.set()
        self._thread.wake()

    def lags(self) -> dict[TP, int]:
        """Committed records of each assigned partition that its cell has not been given yet."""
        found: dict[TP, int] = {}
        client = self._thread._consumer
        if client is None:
            return found
        for tp in self.assignment():
            state = client._subscription.subscription.assignment.state_value(tp)
            if state is not None and state.lso is not None and state.has_valid_position:
                found[tp] = max(0, state.lso - state.position)
        return found

    def release_all(self) -> None:
        """No partition has a chunk any more."""
        self._busy.clear()
        self._freed.set()

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:
        """The chunks that are ready; their partitions are busy until `release`."""
        if not self.flow_active:
            await self.wait(self.can_resume_flow)  # type: ignore[arg-type]  # its stubs name mode's Event
        generation = self.app.consumer_generation_id
        fetched = await (self._fetch_turn() if self.app.lockstep else self._fetch_free())
        if self.should_stop or not self._current(generation):
            return  # the positions are set again when the flow resumes
        for place, records in fetched.items():
            if not self._current(generation):
                return
            tp = TP(place.topic, place.partition)
            self._busy.add(place)
            self._free.discard(place)
            yield tp, self._message(tp, records, generation)

    async def _fetch_free(self) -> dict[TopicPartition, list[Any]]:
        active = {TopicPartition(tp.topic, tp.partition) for tp in self._get_active_partitions()}
        self._free = active - self._busy
        if not self._free:
            self._freed.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._freed.wait(), POLL_S)
            return {}
        self.not_waiting_next_records.clear()
        try:
            return await self._thread.fetch(self._free, self.app.conf.broker_max_poll_records)
        except NoOffsetForPartitionError:
            await self.perform_seek()  # nothing committed yet: the progress row or the beginning
            return {}
        except OffsetOutOfRangeError as error:
            self.app.binding.end(
                Exit.LOG_CHANGED, f"the log no longer holds what is next: {error!r}"
            )
            return {}
        except KafkaError as error:
            self.app.binding.end(Exit.NO_BROKER, f"fetch failed: {error!r}")
            return {}
        finally:
            self.not_waiting_next_records.set()

    async def _fetch_turn(self) -> dict[TopicPartition, list[Any]]:
        while self._busy and not self.should_stop:
            self._freed.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._freed.wait(), POLL_S)
        turn = await self.app.binding.turn()
        if turn is None:
            return {}
        tp, records = turn
        return {TopicPartition(tp.topic, tp.partition): records}

    def _current(self, generation: int) -> bool:
        return self.flow_active and self.app.consumer_generation_id == generation

    def _message(self, tp: TP, records: list[Any], generation: int) -> ConsumerMessage:
        last = records[-1]
        return ConsumerMessage(
            tp.topic,
            tp.partition,
            last.offset,
            last.timestamp / 1000.0,
            last.timestamp_type,
            [],
            None,
            records,  # type: ignore[arg-type]  # a chunk, where Faust has bytes
            None,
            0,
            0,
            tp,
            generation_id=generation,
        )

    async def perform_seek(self) -> None:
        """Read on from where the cells stand; the group's committed offsets are for display."""
        for tp in self.assignment():
            position = self.app.binding.position(tp)
            if position is None:
                await self._thread.seek_to_beginning(TopicPartition(tp.topic, tp.partition))
            else:
                await self._seek(tp, position)
            self._read_offset[tp] = None

    async def on_stop(self) -> None:
        """Let begun chunks commit before the group is left."""
        await self.app.binding.drain()
        await super().on_stop()
        await self.app.binding.close()

    async def _add_gap(self, tp: TP, first: int, last: int) -> None:
        """A chunk's offsets are not acknowledged one by one."""

    def _new_offset(self, tp: TP) -> None:
        """Nothing for Faust to commit: the chunk's transaction carries its offset."""
        self._acked[tp].clear()
        self._acked_index[tp].clear()


class ChunkTransactions(TransactionManager):
    """Tells the binding of assignments; Faust's own transactions stay unused."""

    app: App
    consumer: Consumer

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Finish what has begun before the partitions move."""
        await self.app.binding.drain()
        self.consumer.release_all()

    async def on_rebalance(
        self, assigned: set[TP], revoked: set[TP], newly_assigned: set[TP]
    ) -> None:
        """Fence and restore before anything is read."""
        await self.app.binding.assigned(assigned, revoked)
        await self.consumer.perform_seek()

    async def commit(self, offsets: Mapping[TP, int], start_new_transaction: bool = True) -> bool:
        """Nothing: chunks commit themselves."""
        return True

    async def commit_and_end_transactions(self) -> None:
        """Nothing is open."""


class Transport(driver.Transport):
    """The entry point `chunk` of `faust.transports`."""

    Consumer = Consumer
    TransactionManager = ChunkTransactions


class Chunks(faust.Schema):  # type: ignore[type-arg]  # generic in its stubs only
    """Passes chunks through Faust undecoded."""

    def loads_key(
        self, app: Any, message: Any, *, loads: Any = None, serializer: Any = None
    ) -> None:
        """A chunk has no key."""

    def loads_value(
        self, app: Any, message: Any, *, loads: Any = None, serializer: Any = None
    ) -> Any:
        """The list of records."""
        return message.value
