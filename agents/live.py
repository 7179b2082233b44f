"""A cell at work: restored from its changelog, fed chunk by chunk, one transaction at a time."""

import asyncio
import time
from collections.abc import Callable, Sequence

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
    ) -> None:
        self.cell = cell
        self._brokers = brokers
        self._observe = observe
        self._failed = failed
        name = f"{app}-{cell.group.name}-{cell.partition}"
        self._transaction = Transaction(brokers, name, app)
        self._folding = asyncio.Lock()
        self._committing: asyncio.Task[None] | None = None

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

    async def stop(self) -> None:
        """Close the producer, after `settled`."""
        await self._transaction.stop()

    async def settled(self) -> None:
        """Wait until everything that began has committed."""
        async with self._folding:
            if self._committing is not None:
                await self._committing

    async def run(self, runs: Sequence[Run]) -> None:
        """Fold one chunk and commit it; returns early for a large one, whose commit goes on meanwhile.

        Records that this cell has applied already are passed over. Raises HandlerFailed, Unsure.
        """
        async with self._folding:
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
            await self._transaction.commit(self._writes(chunk), self._offsets(chunk))
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
        through = ",".join(f"{t}:{last.offset}" for t, last in sorted(chunk.progress.last.items()))
        headers = [("through", through.encode())]
        moment = chunk.progress.clock_ns // 1_000_000
        writes += [
            Write(group.changelog.name, partition, key, value, moment, headers)
            for key, value in chunk.changes
        ]
        return writes

    def _offsets(self, chunk: Chunk) -> dict[TopicPartition, int]:
        """For display in Kafka's tools; the progress row is what counts, and alone for broadcast inputs."""
        return {
            TopicPartition(topic, self.cell.partition): span.next
            for topic, span in chunk.inputs.items()
            if not self.cell.group.input(topic).broadcast
        }
