"""Group commit: one transaction at a time, and everyone who waits meanwhile shares the next."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

import pytest
from aiokafka import TopicPartition

from streams.commits import Commits
from streams.transaction import Write

A, B, C = (TopicPartition("orders", number) for number in range(3))


def write(name: str) -> Write:
    return Write("fills", 0, name.encode(), b"", 0, [])


class Log:
    """Notes each transaction's keys and offsets; commits when the gate opens, or fails."""

    def __init__(self) -> None:
        self.seen: list[tuple[list[bytes], dict[TopicPartition, int]]] = []
        self.gate = asyncio.Event()
        self.error: Exception | None = None

    async def commit(self, writes: Sequence[Write], offsets: Mapping[TopicPartition, int]) -> None:
        self.seen.append(([w.key for w in writes], dict(offsets)))
        await self.gate.wait()
        if self.error is not None:
            raise self.error


def over(scene: Callable[[Log, Commits], Awaitable[None]]) -> None:
    async def play() -> None:
        log = Log()
        await scene(log, Commits(log))

    asyncio.run(play())


def test_what_comes_during_a_transaction_shares_the_next_in_order() -> None:
    async def scene(log: Log, commits: Commits) -> None:
        first = asyncio.create_task(commits.commit([write("a")], {A: 1}))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        later = [
            asyncio.create_task(commits.commit([write(name)], {place: 1}))
            for name, place in (("b", B), ("c", C))
        ]
        await asyncio.sleep(0)
        assert log.seen == [([b"a"], {A: 1})]
        log.gate.set()
        await asyncio.gather(first, *later)
        assert log.seen[1:] == [([b"b", b"c"], {B: 1, C: 1})]

    over(scene)


def test_nobody_is_told_before_the_transaction_has_committed() -> None:
    async def scene(log: Log, commits: Commits) -> None:
        waiting = asyncio.create_task(commits.commit([write("a")], {A: 1}))
        await asyncio.sleep(0.01)
        assert not waiting.done()
        log.gate.set()
        await waiting

    over(scene)


def test_a_failure_reaches_everyone_who_was_part_of_it() -> None:
    async def scene(log: Log, commits: Commits) -> None:
        log.error = RuntimeError("unsure")
        parts = [
            asyncio.create_task(commits.commit([write(name)], {place: 1}))
            for name, place in (("a", A), ("b", B))
        ]
        await asyncio.sleep(0.01)
        log.gate.set()
        for part in parts:
            with pytest.raises(RuntimeError, match="unsure"):
                await part

    over(scene)
