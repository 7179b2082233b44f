"""Turns instead of races: which chunk is next as a function of the log alone, so that a run repeats to equal bytes."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

from agents.fold import Cell
from streams import log, topics

ORDER = (
    topics.CONTROL,
    topics.MARKS,
    topics.EVENTS,
    topics.FILLS,
    topics.ORDERS,
    topics.ACCEPTED,
    topics.PREDICTIONS,
    topics.FEATURES,
    topics.TRADES,
    topics.QUOTES,
)
"""What flows from a tick is finished, from its end backwards, before the next tick is read."""

IDLE_S = 0.002


class Turn(NamedTuple):
    """One cell and one input partition of it."""

    cell: Cell
    place: TopicPartition


class Turns:
    """Gives the next chunk: the first place, in order, with committed records that its cell has not applied.

    A turn lasts until the end that its place had when it began, in chunks of exactly `most` records but the last. It
    begins only when no transaction is open anywhere, so what is read does not depend on time.
    """

    def __init__(self, stable: AIOKafkaConsumer, written: AIOKafkaConsumer, most: int) -> None:
        self._stable = stable
        self._written = written
        self._most = most
        self._turns: list[Turn] = []
        self._passed: dict[tuple[int, TopicPartition], int] = {}
        self._open: tuple[Turn, int] | None = None

    def take(self, cells: Sequence[Cell]) -> None:
        """The cells of this worker, after an assignment."""
        names = [topic.name for topic in ORDER]
        turns = [
            Turn(cell, TopicPartition(s.topic.name, 0 if s.broadcast else cell.partition))
            for cell in cells
            for s in cell.group.inputs
        ]
        turns.sort(
            key=lambda t: (
                names.index(t.place.topic),
                t.place.partition,
                t.cell.group.name,
                t.cell.partition,
            )
        )
        self._turns, self._open = turns, None
        places = sorted({turn.place for turn in turns})
        self._stable.assign(places)
        self._written.assign(places)

    async def next(self) -> tuple[Turn, list[Any]] | None:
        """The next chunk, or None when everything is applied. Call again only when it has committed."""
        if not self._turns:
            await asyncio.sleep(IDLE_S)
            return None
        if self._open is None:
            self._open = await self._begin()
        if self._open is None:
            await asyncio.sleep(IDLE_S)
            return None
        turn, end = self._open
        records, position = await self._read(turn, end)
        self._passed[id(turn.cell), turn.place] = position
        if position >= end:
            self._open = None
        return (turn, records) if records else None

    async def _begin(self) -> tuple[Turn, int] | None:
        ends = await self._ends_at_rest()
        for turn in self._turns:
            if self._position(turn) < ends[turn.place]:
                return turn, ends[turn.place]
        return None

    async def _ends_at_rest(self) -> dict[TopicPartition, int]:
        places = sorted({turn.place for turn in self._turns})
        while True:
            stable = await self._stable.end_offsets(places)
            if await self._written.end_offsets(places) == stable:
                return dict(stable)
            await asyncio.sleep(IDLE_S)

    def _position(self, turn: Turn) -> int:
        """Transaction markers are passed over without being applied."""
        applied = turn.cell.progress.next(turn.place.topic)
        return max(applied, self._passed.get((id(turn.cell), turn.place), 0))

    async def _read(self, turn: Turn, end: int) -> tuple[list[Any], int]:
        consumer, place = self._stable, turn.place
        position = self._position(turn)
        consumer.seek(place, position)
        records: list[Any] = []
        while position < end and len(records) < self._most:
            fetched = await consumer.getmany(
                place, timeout_ms=log.POLL_MS, max_records=self._most - len(records)
            )
            records += [record for record in fetched.get(place, ()) if record.offset < end]
            position = await consumer.position(place)
        return records, min(position, end)


@asynccontextmanager
async def turns(brokers: str, most: int) -> AsyncIterator[Turns]:
    """`Turns` over connections of their own."""
    async with log.reader(brokers) as stable, log.reader(brokers, "read_uncommitted") as written:
        yield Turns(stable, written, most)
