"""A cell at work: restored from its changelog, fed chunk by chunk, one transaction at a time."""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence

from aiokafka import TopicPartition

from agents.fold import Cell, Chunk
from agents.group import Group
from streams import restore
from streams.gather import Run
from streams.transaction import Transaction, Unsure, Write

LARGE_CHUNK = 500
"""From this size on, the next chunk is folded while this one commits; smaller ones gather meanwhile."""

Observe = Callable[[Group, Chunk, dict[str, float]], None]


class LiveCell:
    """One (group, partition) with its transactional producer."""

    def __init__(
        self,
        cell: Cell,
        brokers: str,
        app: str,
        observe: Observe,
        failed: Callable[[BaseException], None],
        tell_every_s: float = 0.0,
    ) -> None:
        """tell_every_s: how often the group is told its offsets; each chunk's progress row has them all the same."""
        self.cell = cell
        self._brokers = brokers
        self._observe = observe
        self._failed = failed
        name = f"{app}-{cell.group.name}-{cell.partition}"
        self._transaction = Transaction(brokers, name, app)
        self._folding = asyncio.Lock()
        self._committing: asyncio.Task[None] | None = None
        self._deferred: list[Run] = []
        self._owed: dict[TopicPartition, int] = {}
        self._told = 0.0
        self._tell_every_s = tell_every_s

    async def start(self) -> None:
        """Fence the former owner, then restore the tables and begin a new epoch. Raises Unsure, Stalled."""
        await self._transaction.start()
        group = self.cell.group
        async for batch in restore.changelog(
            self._brokers, group.changelog.name, self.cell.partition
        ):
            for record in batch:
                self.cell.restore(record.key, record.value)
        self.cell.progress.epoch += 1
        self._owed = self._offsets(self.cell.progress.last)

    async def stop(self) -> None:
        """Close the producer, after `settled`."""
        await self._transaction.stop()

    async def settled(self) -> None:
        """Wait until everything that began has committed."""
        async with self._folding:
            await self._tell(at_once=True)

    async def flush(self) -> None:
        """Commit what was deferred, and tell the group the offsets it is owed. Raises HandlerFailed, Unsure."""
        await self.run([])
        async with self._folding:
            await self._tell()

    async def _tell(self, *, at_once: bool = False) -> None:
        if self._committing is not None:
            await self._committing
        offsets = self._due(at_once=at_once)
        if offsets:
            await self._transaction.commit((), offsets)

    def _due(self, *, at_once: bool = False) -> dict[TopicPartition, int]:
        """The offsets for this transaction: telling the group costs two requests of five and a marker."""
        now = time.monotonic()
        if not at_once and now - self._told < self._tell_every_s:
            return {}
        self._told = now
        owed, self._owed = self._owed, {}
        return owed

    def defer(self, run: Run) -> None:
        """Take records that lead to no output with the next chunk, just before it: they are worth no transaction."""
        self._deferred.append(run)

    def forget_deferred(self) -> None:
        """They will be read again."""
        self._deferred = []

    async def run(self, runs: Sequence[Run]) -> None:
        """Fold one chunk and commit it; returns early for a large one, whose commit goes on meanwhile.

        Records that this cell has applied already are passed over. Raises HandlerFailed, Unsure.
        """
        async with self._folding:
            runs, self._deferred = [*self._deferred, *runs], []
            chunk = await self._fold(runs)
            if chunk is None:
                return
            started = time.perf_counter()
            if self._committing is not None:
                await self._committing
            self.cell.seal(chunk)
            self._committing = asyncio.create_task(self._commit(chunk, started))
        if chunk.events < LARGE_CHUNK:
            await asyncio.shield(self._committing)

    async def _fold(self, runs: Sequence[Run]) -> Chunk | None:
        runs = [run for run in map(self._fresh, runs) if run[1]]
        if not runs:
            return None
        for chunk in self.cell.steps(runs):
            if chunk is not None:
                return chunk
            await asyncio.sleep(0)  # the commit of the chunk before goes on between slices
        raise AssertionError("the last step gives the chunk")

    def _fresh(self, run: Run) -> Run:
        topic, records = run
        fresh = self.cell.progress.next(topic)
        if records[0].offset >= fresh:
            return run
        return topic, [record for record in records if record.offset >= fresh]

    async def _commit(self, chunk: Chunk, started: float) -> None:
        self._owed.update(self._offsets(chunk.inputs))
        try:
            await self._transaction.commit(self._writes(chunk), self._due())
        except Unsure as error:
            self._failed(error)
            raise
        self.cell.publish()
        self._observe(self.cell.group, chunk, {"commit": time.perf_counter() - started})

    def _writes(self, chunk: Chunk) -> list[Write]:
        group, partition = self.cell.group, self.cell.partition
        writes = [
            Write(
                sent.topic,
                sent.partition,
                sent.key,
                sent.value,
                sent.timestamp_ms,
                [("stamp", sent.stamp)],
            )
            for sent in chunk.outputs
        ]
        headers = [("through", chunk.through)]
        moment = chunk.progress.clock_ns // 1_000_000
        writes += [
            Write(group.changelog.name, partition, key, value, moment, headers)
            for key, value in chunk.changes
        ]
        order = self.cell.recorded(chunk)
        writes.append(
            Write(order.topic, order.partition, order.key, order.value, order.timestamp_ms, [])
        )
        return writes

    def _offsets(self, topics: Iterable[str]) -> dict[TopicPartition, int]:
        """For Kafka's tools; the progress row is what counts, and alone for broadcast inputs."""
        progress, partition = self.cell.progress, self.cell.partition
        return {
            TopicPartition(topic, partition): progress.next(topic)
            for topic in topics
            if not self.cell.group.input(topic).broadcast
        }
