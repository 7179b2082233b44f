"""Turns instead of races: which chunk is next as a function of the log alone, so that a run repeats to equal bytes."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

from agents.fold import Cell
from streams import log, topics
from streams.gather import Gather, Place, Run

ORDER = (
    (topics.CONTROL,),
    (topics.REGISTRY,),
    (topics.ALIAS,),
    (topics.MARKS,),
    (topics.EVENTS,),
    (topics.FILLS,),
    (topics.ORDERS,),
    (topics.ACCEPTED,),
    (topics.STRATEGY_FILLS,),
    (topics.PREDICTIONS,),
    (topics.FEATURES,),
    (topics.TRADES, topics.QUOTES, topics.BARS),
)
"""What flows from a tick is finished, from its end backwards, before the next ticks are read; those are merged."""

IDLE_S = 0.002


class Turn(NamedTuple):
    """One cell and the input partitions of it that are read together."""

    cell: Cell
    places: tuple[TopicPartition, ...]


class Turns:
    """Gives the next chunk: the first turn, in order, with committed records that its cell has not applied.

    A turn lasts until the ends that its places had when it began, in chunks of exactly `most` records but the last. It
    begins only when no transaction is open anywhere, so what is read does not depend on time.
    """

    def __init__(self, stable: AIOKafkaConsumer, written: AIOKafkaConsumer, most: int) -> None:
        self._stable = stable
        self._written = written
        self._most = most
        self._turns: list[Turn] = []
        self._passed: dict[tuple[int, TopicPartition], int] = {}
        self._open: tuple[Turn, Gather] | None = None

    def take(self, cells: Sequence[Cell]) -> None:
        """The cells of this worker, after an assignment."""
        ordered = sorted(cells, key=lambda cell: (cell.group.name, cell.partition))
        found = [_turn(cell, [topic.name for topic in step]) for step in ORDER for cell in ordered]
        self._turns, self._open = [turn for turn in found if turn.places], None
        places = sorted({place for turn in self._turns for place in turn.places})
        self._stable.assign(places)
        self._written.assign(places)

    async def next(self) -> tuple[Turn, list[Run]] | None:
        """The next chunk, or None when everything is applied. Call again only when it has committed."""
        if self._open is None and self._turns:
            self._open = await self._begin()
        if self._open is None:
            await asyncio.sleep(IDLE_S)
            return None
        turn, gather = self._open
        runs = gather.chunk(turn, lambda _: True, 0.0)
        if not runs:
            self._open = None
            return None
        return turn, runs

    async def _begin(self) -> tuple[Turn, Gather] | None:
        ends = await self._ends_at_rest()
        for turn in self._turns:
            if any(self._position(turn.cell, place) < ends[place] for place in turn.places):
                return turn, await self._read(turn, ends)
        return None

    async def _ends_at_rest(self) -> dict[TopicPartition, int]:
        places = sorted({place for turn in self._turns for place in turn.places})
        while True:
            stable = await self._stable.end_offsets(places)
            if await self._written.end_offsets(places) == stable:
                return dict(stable)
            await asyncio.sleep(IDLE_S)

    def _position(self, cell: Cell, place: TopicPartition) -> int:
        """Transaction markers are passed over without being applied."""
        applied = cell.progress.next(place.topic)
        return max(applied, self._passed.get((id(cell), place), 0))

    async def _read(self, turn: Turn, ends: dict[TopicPartition, int]) -> Gather:
        gather = Gather(self._most)
        gather.assign({turn: [Place(*place) for place in turn.places]})
        for place in turn.places:
            records = await self._records(turn.cell, place, ends[place])
            gather.add(turn, Place(*place), records)
            self._passed[id(turn.cell), place] = ends[place]
        return gather

    async def _records(self, cell: Cell, place: TopicPartition, end: int) -> list[Any]:
        consumer, records = self._stable, []
        position = self._position(cell, place)
        consumer.seek(place, position)
        while position < end:
            fetched = await consumer.getmany(place, timeout_ms=log.POLL_MS)
            records += [record for record in fetched.get(place, ()) if record.offset < end]
            position = await consumer.position(place)
        return records


def _turn(cell: Cell, names: list[str]) -> Turn:
    inputs = {source.topic.name: source for source in cell.group.inputs}
    places = [
        TopicPartition(name, 0 if inputs[name].broadcast else cell.partition)
        for name in names
        if name in inputs
    ]
    return Turn(cell, tuple(places))


@asynccontextmanager
async def turns(brokers: str, most: int) -> AsyncIterator[Turns]:
    """`Turns` over connections of their own."""
    async with log.reader(brokers) as stable, log.reader(brokers, "read_uncommitted") as written:
        yield Turns(stable, written, most)
