"""A what-if run: a source, a strategy and costs of your choice through the routes; it can be stopped and resumed."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import msgspec

from agents.backtest import Backtest, Source, State
from agents.cells import NO_SCORERS
from agents.fold import Cell, Sent
from agents.routes import heavy, routes
from api.registry.served import Served
from api.replay import file_source, history_source, kafka_source, manifest, overrides, switches
from api.replay.hashes import Hashes, Running, Stream, Written
from api.replay.manifest import Ending, Manifest
from api.replay.results.collected import Collected, Collector
from api.replay.stretch import CellName
from models.serving import Scorers

CHECKPOINT = "checkpoint.json"
ENDING = "ending.json"

Output = tuple[Stream, Written]
Take = Callable[[list[Output]], Awaitable[None]]


class Kept(msgspec.Struct):
    """A stream's hash in a checkpoint."""

    cell: str
    cell_partition: int
    topic: str
    partition: int
    running: Running


class Checkpoint(msgspec.Struct):
    """A run that was stopped between two batches."""

    state: State
    streams: list[Kept]
    collected: Collected


class Run:
    """One run of a manifest in its directory. clock_ms: event time reached; sources: records applied."""

    def __init__(
        self,
        plan: Manifest,
        directory: Path | None,
        history: str = "",
        scorers: Scorers = NO_SCORERS,
    ) -> None:
        """directory: where it can be stopped and resumed; None: nowhere. history: the database, where it is read.

        scorers: where batch versions come from.
        """
        self.plan = plan
        self.hashes = Hashes()
        self.sources = 0
        self.clock_ms = 0
        self._directory = directory
        self._history = history
        self._collector = Collector(Collected(plan.every_ms))
        groups = routes(
            plan.partitions,
            plan.generation,
            plan.strategy,
            plan.account,
            plan.params,
            scorers=scorers,
        )
        if switches.is_heavy(plan.aliases):
            groups = (*groups, heavy())
        self._backtest = Backtest(groups, plan.partitions, self._seen, plan.seal)
        self._skip = 0
        self._fresh: list[Output] = []

    @property
    def collected(self) -> Collected:
        """What the results are made of."""
        return self._collector.all

    def resume(self) -> bool:
        """Go on from where the run was stopped, if it was. Before `go`."""
        if self._directory is None:
            return False
        kept = manifest.get(self._directory / CHECKPOINT, Checkpoint)
        if kept is None:
            return False
        self._backtest.restore(kept.state)
        self._collector = Collector(kept.collected)
        for each in kept.streams:
            stream = Stream(CellName(each.cell, each.cell_partition), each.topic, each.partition)
            self.hashes.streams[stream] = each.running
        self._skip = kept.state.sources
        return True

    async def go(
        self,
        stop: Callable[[], bool] = lambda: False,
        tell: Callable[["Run"], None] = lambda run: None,
        speed: float = 0.0,
        take: Take | None = None,
    ) -> bool:
        """Apply the source to its end, or until told to stop; whether it is done. speed: 0, or of recorded time.

        take: is given what each batch has led to, before the run can be stopped.

        Raises HandlerFailed, LogTruncated.
        """
        async for outputs in self.batches(speed):
            if take is not None:
                await take(outputs)
            tell(self)
            if stop():
                self._keep()
                return False
        self._end()
        return True

    async def batches(self, speed: float = 0.0) -> AsyncIterator[list[Output]]:
        """Apply the source a batch at a time, and give what each has led to."""
        pace = _Pace(speed)
        async for batch in self._source():
            for source in batch:
                self._collector.source(source)
            batch = batch[self._passed(len(batch)) :]
            await pace.wait(batch)
            self._fresh = []
            self._backtest.run(batch)
            self.sources, self.clock_ms = self._backtest.sources, self._backtest.clock_ms
            yield self._fresh
            await asyncio.sleep(0)

    def _passed(self, records: int) -> int:
        """How many of the next records had been applied before the run was stopped."""
        passed = min(self._skip, records)
        self._skip -= passed
        return passed

    def _source(self) -> AsyncIterator[list[Source]]:
        served = Served(self.plan.versions, self.plan.aliases)
        return switches.inserted(self._recorded(), served)

    def _recorded(self) -> AsyncIterator[list[Source]]:
        plan = self.plan

        def change(value: bytes | None) -> bytes | None:
            return overrides.applied(value, plan.limits, plan.costs)

        if plan.history:
            return history_source.records(plan, self._history, change)
        records = file_source.records if plan.path else kafka_source.records
        return records(plan, change)

    def _seen(self, cell: Cell, sent: Sent, offset: int) -> None:
        stream = Stream(CellName(cell.group.name, cell.partition), sent.topic, sent.partition)
        written = Written(sent.key, sent.value, sent.timestamp_ms, sent.stamp)
        self.hashes.add(stream, written)
        self._fresh.append((stream, written))
        self._collector.output(sent)

    def _keep(self) -> None:
        if self._directory is None:
            return
        self._backtest.seal()
        streams = [
            Kept(stream.cell.group, stream.cell.partition, stream.topic, stream.partition, running)
            for stream, running in sorted(self.hashes.streams.items(), key=lambda each: each[0])
        ]
        kept = Checkpoint(self._backtest.state(), streams, self.collected)
        manifest.put(self._directory / CHECKPOINT, kept)

    def _end(self) -> None:
        self._backtest.seal()
        self._collector.end()
        if self._directory is not None:
            ending = Ending(self.sources, True, self.hashes.by_partition())
            manifest.put(self._directory / ENDING, ending)
            (self._directory / CHECKPOINT).unlink(missing_ok=True)


class _Pace:
    """Lets event time pass at a multiple of real time."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._began: tuple[float, int] | None = None

    async def wait(self, batch: list[Source]) -> None:
        if not self._speed or not batch:
            return
        moment = batch[-1].record.timestamp
        if self._began is None:
            self._began = time.monotonic(), batch[0].record.timestamp
        began, first = self._began
        due = began + (moment - first) / 1000 / self._speed
        await asyncio.sleep(max(0.0, due - time.monotonic()))
