"""A cell at work over a log that only remembers: what is committed, in which order, and what is visible when."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NoReturn

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import ProducerFenced

from agents.binding import CellsBinding
from agents.fold import Cell, Chunk
from agents.group import Group
from agents.live import LARGE_CHUNK, LiveCell
from streams.exits import Exit
from streams.meter import NoMeter
from streams.transaction import Unsure, Write
from tests.transport.demo import DEMO
from tests.transport.dict_run import DictRun, sums
from tests.transport.records import Record, accepted, quote

Offsets = Mapping[TopicPartition, int]


class RememberingLog:
    """In the place of the log: keeps what is committed, and waits or fails where told."""

    def __init__(self) -> None:
        self.commits: list[tuple[Sequence[Write], Offsets]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.error: Unsure | None = None

    async def commit(self, writes: Sequence[Write], offsets: Offsets) -> None:
        self.commits.append((writes, offsets))
        await self.gate.wait()
        if self.error is not None:
            raise self.error


class Bench:
    """One live cell of the demo group, its transaction, and what it said."""

    def __init__(self) -> None:
        self.seen: list[Chunk] = []
        self.failures: list[BaseException] = []
        self.cell = Cell(DEMO, 0, 1)
        self.log = RememberingLog()
        self.live = LiveCell(self.cell, self.log, self._observe, self.failures.append)

    def _observe(self, group: Group, chunk: Chunk, seconds: dict[str, float]) -> None:
        self.seen.append(chunk)

    async def quotes(self, first: int, end: int) -> None:
        records: list[Record] = [quote(offset) for offset in range(first, end)]
        await self.live.run([("market.quotes", records)])


def over(scene: Callable[[Bench], Awaitable[None]]) -> None:
    async def play() -> None:
        await scene(Bench())

    asyncio.run(play())


def test_outputs_changes_and_offset_are_one_transaction() -> None:
    async def scene(bench: Bench) -> None:
        await bench.quotes(0, 11)
        ((writes, offsets),) = bench.log.commits
        assert [(w.topic, w.key) for w in writes] == [
            ("features", b"S0.X"),
            ("features", b"S0.X"),
            ("symbol-state", b"sums|S0.X"),
            ("symbol-state", b"progress|"),
            ("interleaving", b"demo"),
        ]
        assert writes[0].headers == [("stamp", b"market.quotes:0:0:1:0:1:0")]
        assert writes[-2].headers == [("through", b"market.quotes:10")]
        assert writes[-1].value == b'[0,0,[["market.quotes",0,11,11]],[0,11]]'
        assert offsets == {TopicPartition("market.quotes", 0): 11}

    over(scene)


def test_records_that_are_applied_already_are_passed_over() -> None:
    async def scene(bench: Bench) -> None:
        await bench.quotes(0, 6)
        await bench.quotes(0, 6)
        assert len(bench.log.commits) == 1
        await bench.quotes(3, 11)
        twin = DictRun()
        twin.apply(DEMO.inputs[0].topic, [quote(offset) for offset in range(11)])
        assert sums(bench.cell) == sums(twin.cell)
        assert bench.cell.progress == twin.cell.progress
        assert [chunk.inputs["market.quotes"].first for chunk in bench.seen] == [0, 6]

    over(scene)


def test_a_chunk_becomes_visible_with_its_commit() -> None:
    async def scene(bench: Bench) -> None:
        bench.log.gate.clear()
        running = asyncio.create_task(bench.quotes(0, 3))
        await asyncio.sleep(0.01)
        assert len(bench.log.commits) == 1
        assert sums(bench.cell) == {}
        bench.log.gate.set()
        await running
        assert sums(bench.cell)["S0.X"].quotes == 3

    over(scene)


def test_a_chunk_folded_while_another_commits_builds_on_it() -> None:
    async def scene(bench: Bench) -> None:
        bench.log.gate.clear()
        await bench.quotes(0, LARGE_CHUNK)  # returns before its commit
        following = asyncio.create_task(bench.live.run([("orders.accepted", [accepted(0)])]))
        await asyncio.sleep(0.01)
        assert len(bench.log.commits) == 1  # one transaction at a time
        assert sums(bench.cell) == {}
        bench.log.gate.set()
        await following
        assert len(bench.log.commits) == 2
        assert sums(bench.cell)["S0.X"].quotes == LARGE_CHUNK
        assert sums(bench.cell)["S0.X"].orders == 1

    over(scene)


def test_an_unsure_commit_is_told_and_shows_nothing() -> None:
    async def scene(bench: Bench) -> None:
        bench.log.error = Unsure(Exit.FENCED, ProducerFenced())
        with pytest.raises(Unsure):
            await bench.quotes(0, 3)
        assert bench.failures == [bench.log.error]
        assert sums(bench.cell) == {}
        assert bench.seen == []

    over(scene)


def test_settled_waits_for_the_commit_in_flight() -> None:
    async def scene(bench: Bench) -> None:
        bench.log.gate.clear()
        await bench.quotes(0, LARGE_CHUNK)
        settled = asyncio.create_task(bench.live.settled())
        await asyncio.sleep(0.01)
        assert not settled.done()
        bench.log.gate.set()
        await settled
        assert sums(bench.cell)["S0.X"].quotes == LARGE_CHUNK

    over(scene)


def test_a_cell_that_another_worker_had_meanwhile_is_not_kept() -> None:
    async def scene(bench: Bench) -> None:
        await bench.quotes(0, 11)
        of = TopicPartition("market.quotes", 0), TopicPartition("orders.accepted", 0)
        assert bench.live.positions() == dict(zip(of, (11, 0), strict=True))
        for committed, kept in (((11, 0), 1), ((12, 0), 0), ((11, 1), 0)):
            log: Any = bench.log
            binding = CellsBinding("", 1, [DEMO], _end, bench._observe, NoMeter(), log)
            binding.cells = {("demo", 0): bench.live}
            binding._keep({("demo", 0)}, dict(zip(of, committed, strict=True)))
            assert len(binding.cells) == kept

    over(scene)


def _end(code: Exit, reason: str) -> NoReturn:
    raise AssertionError(reason)
