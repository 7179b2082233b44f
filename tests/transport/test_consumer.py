"""The consumer between two assignments, over a log that is a dict: what a seek does to a fetch under way."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from aiokafka import TopicPartition
from faust.types.tuples import TP

from agents import app
from streams.meter import NoMeter
from streams.settings import Settings
from streams.transport import App, Consumer
from tests.transport.demo import DEMO
from tests.transport.records import Record, quote

PLACE = TopicPartition("market.quotes", 0)
QUOTES = TP("market.quotes", 0)


class DictLog:
    """In the place of the consumer's thread: one partition, fetched in twos once the gate is open."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.position = 0
        self.fetches = 0

    async def fetch(self, *_wanted: object) -> Any:
        self.fetches += 1
        await self.gate.wait()
        first, self.position = self.position, self.position + 2
        return {PLACE: [quote(first), quote(first + 1)]}

    def seek(self, tp: TP, position: int) -> None:
        self.position = position

    async def seek_to_beginning(self, tp: TP) -> None:
        self.position = 0

    def assignment(self) -> set[TP]:
        return {QUOTES}

    def remaining(self, place: object) -> int:
        return 100

    def wake(self) -> None:
        """Nobody sleeps here."""


class Standing:
    """A binding whose one cell stands at an offset."""

    here = True
    at: int | None = 10

    def owns(self, tp: TP) -> bool:
        return self.here

    def position(self, tp: TP) -> int | None:
        assert self.here
        return self.at

    def cell_of(self, tp: TP) -> tuple[str, int]:
        return "demo", tp.partition


def over(scene: Callable[[Consumer, DictLog, Standing], Awaitable[None]], directory: Path) -> None:
    async def play() -> None:
        built: App = app.build(Settings(data=directory), [DEMO], lambda *_: None, NoMeter())
        binding: Any = Standing()
        built.binding = binding
        consumer: Any = built.consumer
        log = DictLog()
        consumer._thread.thread_loop.close()
        consumer._thread = log
        consumer.resume_flow()
        consumer._active_partitions = {QUOTES}
        consumer.assign({QUOTES})
        await consumer.perform_seek()
        await scene(consumer, log, binding)

    asyncio.run(play())


def offsets(chunks: list[tuple[TP, list[tuple[str, list[Record]]]]]) -> list[int]:
    return [r.offset for _tp, runs in chunks for _topic, records in runs for r in records]


def test_a_fetch_begun_before_a_seek_takes_nothing_from_the_new_position(tmp_path: Path) -> None:
    async def scene(consumer: Any, log: DictLog, binding: Standing) -> None:
        stale = asyncio.create_task(consumer._ready(0))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert log.fetches == 1
        await consumer.perform_seek()
        log.gate.set()
        assert await stale == []
        assert log.position == 10
        assert offsets(await consumer._ready(0)) == [10, 11]

    over(scene, tmp_path)


def test_what_was_buffered_before_a_seek_is_not_applied_beside_its_second_fetch(
    tmp_path: Path,
) -> None:
    async def scene(consumer: Any, log: DictLog, binding: Standing) -> None:
        log.gate.set()
        consumer._busy.add(("demo", 0))
        consumer._gather.add(("demo", 0), PLACE, [quote(10), quote(11)])
        consumer._busy.clear()
        await consumer.perform_seek()
        assert offsets(await consumer._ready(0)) == [10, 11]

    over(scene, tmp_path)


def test_a_partition_still_being_taken_over_keeps_its_position_until_it_is(tmp_path: Path) -> None:
    async def scene(consumer: Any, log: DictLog, binding: Standing) -> None:
        log.position, binding.here = 77, False
        await consumer.perform_seek()
        assert log.position == 77
        binding.here, binding.at = True, None
        await consumer.perform_seek()
        assert log.position == 0

    over(scene, tmp_path)
