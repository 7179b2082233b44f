"""The chunk transport: a Faust transport that hands agents whole fetched chunks and commits each in one transaction.

Scheme `chunk://`. Faust brings the consumer group, the agents and the worker; offsets, transactions and tables
belong to the app's `Binding`. A partition is busy from the moment its chunk is handed over until the binding
releases it; what is fetched meanwhile gathers, so load makes chunks larger, not queues longer.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine, Mapping
from functools import partial
from typing import Any, Protocol

import faust
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError, NoOffsetForPartitionError
from faust.transport.consumer import TransactionManager
from faust.transport.drivers import aiokafka as driver
from faust.types.tuples import TP, ConsumerMessage

from streams.exits import Exit
from streams.gather import Gather, Place, Run
from streams.group_thread import ConsumerThread
from streams.transaction import Unsure
from streams.wire import Member

POLL_S = 1.0
HOLD_POLL_S = 0.005
"""How soon to look again for a topic that its cell waits for."""

Cell = tuple[str, int]
"""A group's name and a partition."""


class Binding(Protocol):
    """What the transport asks of the app: cells that own partitions, and the order to end the process."""

    async def assigned(self, member: Member, assigned: set[TP]) -> None:
        """Keep former owners out and restore the cells of these partitions, before anything is read."""

    def cell_of(self, tp: TP) -> tuple[str, int]:
        """The name of the cell that reads this partition; co-partitioned inputs share one."""

    async def run(self, tp: TP, runs: list[Run]) -> None:
        """Fold and commit one chunk; returns when its cell's partitions may be fetched into again."""

    async def turn(self) -> tuple[TP, list[Run]] | None:
        """In lockstep: the next chunk; None: nothing yet, ask again."""

    async def drain(self) -> None:
        """Take no more chunks until the next `assigned`, and let what has begun commit."""

    def owns(self, tp: TP) -> bool:
        """Whether the cell of this partition is here and restored."""

    def position(self, tp: TP) -> int | None:
        """The first offset of an assigned partition that its cell has not applied; None: it has applied none."""

    async def close(self) -> None:
        """Stop the producers, after a drain."""

    def states(self) -> list[Any]:
        """The cells, for those who only read."""

    def fail(self, error: BaseException) -> None:
        """End the process for this error."""


class App(faust.App):
    """A Faust app whose cells are kept by a binding."""

    binding: Binding
    brokers: str
    lockstep: bool = False

    def _crash(self, reason: BaseException) -> None:
        """One of Faust's own services has failed; Faust would exit with 1 and say nothing."""
        self.binding.fail(reason)


class Consumer(driver.Consumer):
    """Yields one Faust message per ready cell: value = the runs of records of its chunk."""

    app: App
    _thread: ConsumerThread

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._gather = Gather(self.app.conf.broker_max_poll_records)
        self._places: dict[Cell, list[Place]] = {}
        self._busy: set[Cell] = set()
        self._free: set[TopicPartition] = set()
        self._freed = asyncio.Event()
        self._fetching: asyncio.Task[dict[TopicPartition, list[Any]]] | None = None
        self._era = 0

    def _new_consumer_thread(self) -> ConsumerThread:
        thread = ConsumerThread(self, loop=self.loop, beacon=self.beacon)
        thread.brokers = self.app.brokers
        thread.let_go = partial(self.loop.call_soon_threadsafe, self._let_go)
        return thread

    def _let_go(self) -> None:
        """To come back to the group would take these partitions from whoever has them now."""
        self.app.binding.fail(Unsure(Exit.FENCED, "the group has let this member go"))

    def assign(self, assigned: set[TP]) -> None:
        """These partitions are ours now, and nothing of them is under way."""
        self._places = {}
        for tp in sorted(assigned):
            cell = self.app.binding.cell_of(tp)
            self._places.setdefault(cell, []).append(Place(tp.topic, tp.partition))
        self._gather.assign(self._places)
        self._busy.clear()
        self._freed.set()

    def release(self, tp: TP) -> None:
        """The chunk of this partition's cell is settled: fetch into it again."""
        cell = self.app.binding.cell_of(tp)
        self._busy.discard(cell)
        if cell in self._places:
            self._free.update(TopicPartition(*place) for place in self._gather.wants(cell))
        self._freed.set()
        self._thread.wake(call_back=self._gather.holds(cell))

    def offsets(self) -> dict[TP, tuple[int, int, int]]:
        """Of each assigned partition: next to fetch, end of what is committed, end of what is written."""
        return {tp: self._thread.offsets(Place(tp.topic, tp.partition)) for tp in self.assignment()}

    def member(self) -> Member:
        """Who this worker is in its group, as of the last rebalance."""
        return self._thread.member()

    async def broker_answers(self) -> bool:
        """Whether a broker answers a request now."""
        return await self._thread.answers()

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:
        """The chunks that are ready; their cells are busy until `release`."""
        if not self.flow_active:
            await self.wait(self.can_resume_flow)  # type: ignore[arg-type]  # its stubs name mode's Event
        generation = self.app.consumer_generation_id
        chunks = await (self._turn() if self.app.lockstep else self._ready(generation))
        for tp, runs in chunks:
            if self.should_stop or not self._current(generation):
                return  # the positions are set again when the flow resumes
            self._busy.add(self.app.binding.cell_of(tp))
            yield tp, self._message(tp, runs, generation)

    async def _ready(self, generation: int) -> list[tuple[TP, list[Run]]]:
        era = self._era
        fetched = await self._fetch_free()
        if era != self._era or not self._current(generation):
            return []  # fetched from positions that have been set anew
        for place, records in fetched.items():
            tp = TP(place.topic, place.partition)
            self._gather.add(self.app.binding.cell_of(tp), Place(*place), records)
        now, chunks = self.loop.time(), []
        for cell in self._places.keys() - self._busy:
            runs = self._gather.chunk(cell, self._at_end, now)
            if runs:
                chunks.append((TP(runs[0][0], cell[1]), runs))
        return chunks

    def _at_end(self, place: Place) -> bool:
        """One offset may be left: the marker of the last transaction."""
        return self._thread.remaining(place) <= 1

    async def _fetch_free(self) -> dict[TopicPartition, list[Any]]:
        active = {TopicPartition(tp.topic, tp.partition) for tp in self._get_active_partitions()}
        wanted = (p for cell in self._places for p in self._gather.wants(cell))
        self._free = active & {TopicPartition(*place) for place in wanted}
        if not self._free:
            self._freed.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._freed.wait(), POLL_S)
            return {}
        self.not_waiting_next_records.clear()
        wait = HOLD_POLL_S if self._gather.holding else POLL_S
        try:
            return await self._fetch(self._thread.fetch(self._free, wait))
        except NoOffsetForPartitionError:
            await self.perform_seek()  # nothing committed yet: the progress row or the beginning
        except KafkaError as error:
            self.app.binding.fail(error)
        finally:
            self.not_waiting_next_records.set()
        return {}

    async def _fetch(
        self, work: Coroutine[Any, Any, dict[TopicPartition, list[Any]]]
    ) -> dict[TopicPartition, list[Any]]:
        """The result of a fetch, nothing if `perform_seek` has broken it off."""
        self._fetching = task = asyncio.create_task(work)
        try:
            await asyncio.wait([task])
        finally:
            task.cancel()
        return {} if task.cancelled() else task.result()

    async def _turn(self) -> list[tuple[TP, list[Run]]]:
        while self._busy and not self.should_stop:
            self._freed.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._freed.wait(), POLL_S)
        turn = await self.app.binding.turn()
        return [] if turn is None else [turn]

    def _current(self, generation: int) -> bool:
        return self.flow_active and self.app.consumer_generation_id == generation

    def _message(self, tp: TP, runs: list[Run], generation: int) -> ConsumerMessage:
        last = next(records[-1] for topic, records in reversed(runs) if topic == tp.topic)
        return ConsumerMessage(
            tp.topic,
            tp.partition,
            last.offset,
            last.timestamp / 1000.0,
            last.timestamp_type,
            [],
            None,
            runs,  # type: ignore[arg-type]  # a chunk, where Faust has bytes
            None,
            0,
            0,
            tp,
            generation_id=generation,
        )

    async def perform_seek(self) -> None:
        """Read on from where the cells stand; the group's committed offsets are for display.

        A fetch that began before must not take records from the new positions, since its result is dropped; and what
        it has buffered is fetched again. A partition that is still being taken over is set when it is.
        """
        self._era += 1
        self._gather.assign(self._places)
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.wait(
                [self._fetching]
            )  # the thread has been told before it is told to seek
        for tp in self.assignment():
            if not self.app.binding.owns(tp):
                continue
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

    async def on_rebalance(
        self, assigned: set[TP], revoked: set[TP], newly_assigned: set[TP]
    ) -> None:
        """Fence and restore before anything is read."""
        await self.app.binding.assigned(self.consumer.member(), assigned)
        self.consumer.assign(assigned)
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
