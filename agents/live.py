"""A cell at work: fed chunk by chunk, each true with the transaction that it is part of."""

import asyncio
import time
from collections.abc import Callable, Sequence

from aiokafka import TopicPartition

from agents.fold import Cell, Chunk
from agents.group import Group
from streams.commits import Commit
from streams.gather import Run
from streams.transaction import Unsure, Write

LARGE_CHUNK = 500
"""From this size on, the next chunk is folded while this one commits; smaller ones gather meanwhile."""

Observe = Callable[[Group, Chunk, dict[str, float]], None]


class LiveCell:
    """One (group, partition) of a worker. log: takes a chunk's records and offsets, and returns when they are true."""

    def __init__(
        self, cell: Cell, log: Commit, observe: Observe, failed: Callable[[BaseException], None]
    ) -> None:
        self.cell = cell
        self._log = log
        self._observe = observe
        self._failed = failed
        self._folding = asyncio.Lock()
        self._committing: asyncio.Task[None] | None = None
        self._deferred: list[Run] = []
        self._own = [s.topic.name for s in cell.group.inputs if not s.broadcast]

    async def settled(self) -> None:
        """Wait until everything that began has committed."""
        async with self._folding:
            if self._committing is not None:
                await self._committing

    async def flush(self) -> None:
        """Commit what was deferred. Raises HandlerFailed, Unsure."""
        await self.run([])

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
        try:
            await self._log.commit(self._writes(chunk), self._offsets(chunk))
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

    def positions(self) -> dict[TopicPartition, int]:
        """The next offset to read of each input that is not broadcast, as far as committed."""
        return {
            TopicPartition(topic, self.cell.partition): self.cell.progress.next(topic)
            for topic in self._own
        }

    def _offsets(self, chunk: Chunk) -> dict[TopicPartition, int]:
        """Of the chunk's own inputs, or of the first where all were broadcast: a transaction is fenced by offsets."""
        told = [topic for topic in self._own if topic in chunk.inputs] or self._own[:1]
        return {TopicPartition(t, self.cell.partition): chunk.progress.next(t) for t in told}
