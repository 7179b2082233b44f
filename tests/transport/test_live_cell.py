"""A cell at work over a log that only remembers: what is committed, in which order, and what is visible when."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import ProducerFenced

from agents import live
from agents.fold import Cell, Chunk
from agents.group import Group
from agents.live import LARGE_CHUNK, LiveCell
from streams.exits import Exit
from streams.transaction import Unsure, Write
from tests.transport.demo import DEMO
from tests.transport.dict_run import DictRun, sums
from tests.transport.records import Record, accepted, quote

Offsets = Mapping[TopicPartition, int]


class RememberingTransaction:
    """In the place of a producer: keeps what is committed, and waits or fails where told."""

    def __init__(self, *_names: str) -> None:
        self.commits: list[tuple[list[Write], Offsets]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.error: Unsure | None = None

    async def commit(self, writes: list[Write], offsets: Offsets) -> None:
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
        self.live = LiveCell(self.cell, "nowhere:1", "app", self._observe, self.failures.append)
        transaction: Any = self.live._transaction
        assert isinstance(transaction, RememberingTransaction)
        self.log = transaction

    def _observe(self, group: Group, chunk: Chunk, seconds: dict[str, float]) -> None:
        self.seen.append(chunk)

    async def quotes(self, first: int, end: int) -> None:
        records: list[Record] = [quote(offset) for offset in range(first, end)]
        await self.live.run([("market.quotes", records)])


def over(scene: Callable[[Bench], Awaitable[None]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "Transaction", RememberingTransaction)

    async def play() -> None:
        await scene(Bench())

    asyncio.run(play())


def test_outputs_changes_and_offset_are_one_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
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

    over(scene, monkeypatch)


def test_records_that_are_applied_already_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
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

    over(scene, monkeypatch)


def test_a_chunk_becomes_visible_with_its_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(bench: Bench) -> None:
        bench.log.gate.clear()
        running = asyncio.create_task(bench.quotes(0, 3))
        await asyncio.sleep(0.01)
        assert len(bench.log.commits) == 1
        assert sums(bench.cell) == {}
        bench.log.gate.set()
        await running
        assert sums(bench.cell)["S0.X"].quotes == 3

    over(scene, monkeypatch)


def test_a_chunk_folded_while_another_commits_builds_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
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

    over(scene, monkeypatch)


def test_an_unsure_commit_is_told_and_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(bench: Bench) -> None:
        bench.log.error = Unsure(Exit.FENCED, ProducerFenced())
        with pytest.raises(Unsure):
            await bench.quotes(0, 3)
        assert bench.failures == [bench.log.error]
        assert sums(bench.cell) == {}
        assert bench.seen == []

    over(scene, monkeypatch)


def test_settled_waits_for_the_commit_in_flight(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(bench: Bench) -> None:
        bench.log.gate.clear()
        await bench.quotes(0, LARGE_CHUNK)
        settled = asyncio.create_task(bench.live.settled())
        await asyncio.sleep(0.01)
        assert not settled.done()
        bench.log.gate.set()
        await settled
        assert sums(bench.cell)["S0.X"].quotes == LARGE_CHUNK

    over(scene, monkeypatch)
