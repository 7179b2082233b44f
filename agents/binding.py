"""Binds the pure cells to the log: a chunk arrives, its cell folds it, one transaction makes it true."""

import asyncio
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from importlib import import_module
from types import ModuleType
from typing import NoReturn

from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError, KafkaError, OffsetOutOfRangeError
from faust.types.tuples import TP

from agents.broadcast import Broadcasts
from agents.fold import Cell, HandlerFailed
from agents.group import Group
from agents.live import LiveCell, Observe
from agents.lockstep import IDLE_S, Turns, turns
from streams import restore
from streams.commits import Commits
from streams.exits import Exit
from streams.gather import Run
from streams.meter import EngineMeter
from streams.restore import Stalled
from streams.transaction import Transactions, Unsure
from streams.wire import Member

FLUSH_S = 0.25
"""How often a cell commits what is worth no transaction of its own."""

Name = tuple[str, int]
"""Of a cell: its group and partition."""

End = Callable[[Exit, str], NoReturn]


class CellsBinding:
    """The cells of this worker: made on assignment, fed by the agents, drained on revocation."""

    def __init__(
        self,
        brokers: str,
        partitions: int,
        groups: Sequence[Group],
        end: End,
        observe: Observe,
        meter: EngineMeter,
        log: Transactions,
        lockstep: int = 0,
    ) -> None:
        """log: where the cells commit. lockstep: 0, or the records of a chunk of a run that repeats to equal bytes."""
        self._brokers = brokers
        self._log = log
        self._commits = Commits(log)
        self._started = False
        self._loading: dict[str, asyncio.Task[ModuleType]] = {}
        self._partitions = partitions
        self._groups = {s.topic.name: g for g in groups for s in g.inputs if not s.broadcast}
        self._all = tuple(groups)
        self._end = end
        self._observe = observe
        self._meter = meter
        self._accepting = False
        self.cells: dict[Name, LiveCell] = {}
        self.broadcasts = Broadcasts(brokers, groups)
        self._reading: asyncio.Task[None] | None = None
        self._flushing: asyncio.Task[None] | None = None
        self._draining = asyncio.Event()
        self._lockstep = bool(lockstep)
        self._most = lockstep
        self._turns: Turns | None = None
        self._open = AsyncExitStack()

    @property
    def ready(self) -> bool:
        """Whether the cells are restored and take chunks."""
        return self._accepting

    def states(self) -> list[Cell]:
        """The cells as they are."""
        return [live.cell for live in list(self.cells.values())]

    def owns(self, tp: TP) -> bool:
        """Whether the cell of this partition is here and restored."""
        return self.cell_of(tp) in self.cells

    def position(self, tp: TP) -> int | None:
        """The first offset of an assigned partition that its cell has not applied; None: it has applied none."""
        progress = self.cells[self.cell_of(tp)].cell.progress
        return progress.next(tp.topic) if tp.topic in progress.last else None

    async def assigned(self, member: Member, assigned: set[TP]) -> None:
        """Keep former owners out, then restore and bring up to date the cells of these partitions; stop all others."""
        started = time.perf_counter()
        try:
            await self._stop_reading()
            if not self._started:
                await self._log.start()
                self._started = True
            inputs = [TopicPartition(tp.topic, tp.partition) for tp in assigned]
            committed = await self._log.join(member, inputs)
            self._keep({self.cell_of(tp) for tp in assigned}, committed)
            await self._restore({self.cell_of(tp) for tp in assigned} - self.cells.keys())
            await self._catch_up()
        except (Unsure, Stalled, HandlerFailed, AssertionError) as error:
            self.fail(error)
        self._accepting = True
        if not self._lockstep:
            self._draining.clear()
            self._flushing = asyncio.create_task(self._flush())
        self._meter.rebalance(time.perf_counter() - started)
        for group in self._all:
            mine = sum(1 for name, _ in self.cells if name == group.name)
            self._meter.assigned(group.name, mine)

    async def run(self, tp: TP, runs: list[Run]) -> None:
        """Fold and commit one chunk; returns when its partition may be fetched into again."""
        group = self._groups[tp.topic]
        if group.loads:
            await self._loaded(group.loads)
        cell = self.cells.get((group.name, tp.partition))
        if cell is None or not self._accepting:
            return  # its partition has moved; whoever has it now reads these records
        try:
            await cell.run(runs)
            if self._lockstep:
                await cell.settled()
        except (Unsure, HandlerFailed, AssertionError) as error:
            self.fail(error)

    async def _loaded(self, module: str) -> None:
        """Import a module beside the loop, once."""
        loading = self._loading.get(module)
        if loading is None:
            loading = asyncio.create_task(asyncio.to_thread(import_module, module))
            self._loading[module] = loading
        await asyncio.shield(loading)

    async def turn(self) -> tuple[TP, list[Run]] | None:
        """In lockstep: the next chunk for an agent; broadcast inputs are applied on the way."""
        if self._turns is None or not self._accepting:
            await asyncio.sleep(IDLE_S)
            return None
        found = await self._turns.next()
        if found is None:
            return None
        turn, runs = found
        cell = self.cells[turn.cell.group.name, turn.cell.partition]
        topic = runs[0][0]
        if turn.cell.group.input(topic).broadcast:
            await self._apply(cell, runs)
            return None
        return TP(topic, turn.cell.partition), runs

    async def _apply(self, cell: LiveCell, runs: list[Run]) -> None:
        try:
            await cell.run(runs)
            await cell.settled()
        except (Unsure, HandlerFailed, AssertionError) as error:
            self.fail(error)

    def cell_of(self, tp: TP) -> Name:
        """The name of the cell that reads this partition."""
        return self._groups[tp.topic].name, tp.partition

    async def drain(self) -> None:
        """Take no more chunks, and wait until all that began has committed."""
        self._accepting = False
        self._draining.set()
        if self._flushing is not None:
            await self._flushing
            self._flushing = None
        await self._stop_reading()
        try:
            await asyncio.gather(*(cell.settled() for cell in self.cells.values()))
        except Unsure as error:
            self.fail(error)

    async def close(self) -> None:
        """Stop every producer, after a drain."""
        self.cells.clear()
        await self._log.stop()
        await self.broadcasts.stop()
        await self._open.aclose()

    async def _catch_up(self) -> None:
        cells = list(self.cells.values())
        if not self._lockstep:
            await self.broadcasts.catch_up(cells)
            self._reading = asyncio.create_task(self._read_broadcasts())
            return
        if self._turns is None:
            self._turns = await self._open.enter_async_context(turns(self._brokers, self._most))
        self._turns.take([live.cell for live in cells])

    def _keep(self, wanted: set[Name], committed: dict[TopicPartition, int]) -> None:
        """Drop the cells that moved away, also those that moved away and back: another has gone on from there."""
        self.cells = {
            name: cell
            for name, cell in self.cells.items()
            if name in wanted and cell.positions().items() <= committed.items()
        }

    async def _restore(self, names: set[Name]) -> None:
        cells: dict[TopicPartition, Cell] = {}
        for name, partition in sorted(names):
            group = next(group for group in self._all if group.name == name)
            cell = Cell(group, partition, self._partitions)
            cells[TopicPartition(group.changelog.name, partition)] = cell
        async for place, records in restore.changelogs(self._brokers, list(cells)):
            for record in records:
                cells[place].restore(record.key, record.value)
        for cell in cells.values():
            for _ in getattr(cell.tables, "rebuild", tuple)():
                await asyncio.sleep(0)
            cell.progress.epoch += 1
            live = LiveCell(cell, self._commits, self._observe, self.fail)
            self.cells[cell.group.name, cell.partition] = live

    async def _flush(self) -> None:
        try:
            while self._accepting:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._draining.wait(), FLUSH_S)
                    return
                await asyncio.gather(*(cell.flush() for cell in list(self.cells.values())))
        except Exception as error:  # noqa: BLE001  a cell whose commit failed is certain of nothing
            self.fail(error)

    async def _read_broadcasts(self) -> None:
        try:
            while True:
                await self.broadcasts.step(list(self.cells.values()))
        except Exception as error:  # noqa: BLE001  a worker that no longer hears `control` must not go on
            self.fail(error)

    async def _stop_reading(self) -> None:
        if self._reading is not None:
            await self.broadcasts.pause(self._reading)
            self._reading = None

    def fail(self, error: BaseException) -> NoReturn:
        """End the process for this error, with the code that says who has to act."""
        match error:
            case Unsure():
                self._end(error.code, str(error))
            case Stalled():
                self._end(Exit.RESTORE_STALLED, str(error))
            case OffsetOutOfRangeError():
                self._end(Exit.LOG_CHANGED, f"the log no longer holds what is next: {error!r}")
            case KafkaConnectionError() | OSError():
                self._end(Exit.NO_BROKER, repr(error))
            case KafkaError():
                self._end(Exit.TRANSACTION, repr(error))
            case _:
                traceback.print_exception(error)
                self._end(Exit.INVARIANT, repr(error))
