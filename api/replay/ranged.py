"""Ranges of recorded topics as the source of a replay, wherever their records are kept: merged by event time."""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Protocol

from aiokafka import TopicPartition

from agents.backtest import Source
from agents.handler import LogRecord
from api.replay.manifest import Manifest, Range
from streams import topics
from streams.merge import BATCH, Lane, first_time, merged

MARKET = (topics.QUOTES.name, topics.TRADES.name)
Change = Callable[[bytes | None], bytes | None]


class Shelf(Protocol):
    """Where records are kept."""

    async def take(self, place: TopicPartition, count: int, before: int) -> Sequence[Any]:
        """The next records of a partition, at most `count` of those below offset `before`; fewer: there are no more."""


def filled(manifest: Manifest) -> list[Range]:
    """The ranges in which there is anything."""
    return [each for each in manifest.ranges if each.start < each.end]


async def records(manifest: Manifest, shelf: Shelf, change: Change) -> AsyncIterator[list[Source]]:
    """The records of the ranges, reference data first. change: of the values of `control`."""
    wanted = filled(manifest)
    controls = [each for each in wanted if each.topic == topics.CONTROL.name]
    reference, later = await _control(shelf, controls, change)
    lanes = [lane(shelf, each) for each in wanted if each not in controls]
    yield [_by(source, await first_time(lanes)) for source in reference]
    lanes = [_given(later), *lanes]
    keys = {symbol.encode() for symbol in manifest.symbols}
    async for batch in merged(lanes):
        yield [
            Source(place.topic, place.partition, record)
            for place, record in batch
            if not keys or place.topic not in MARKET or record.key in keys
        ]


def _by(source: Source, began_ms: int | None) -> Source:
    """Reference data as of the beginning at the latest, whenever written: cash is there before the first tick."""
    record = source.record
    if began_ms is None or record.timestamp <= began_ms:
        return source
    return source._replace(record=LogRecord(record.offset, began_ms, record.key, record.value))


async def _control(
    shelf: Shelf, controls: Sequence[Range], change: Change
) -> tuple[list[Source], list[LogRecord]]:
    """What stands first under each key, which must be there before any market data, and the changes of it."""
    seen: set[bytes | None] = set()
    first, later = [], []
    for each in controls:
        place = TopicPartition(each.topic, each.partition)
        for read in await shelf.take(place, each.end - each.start, each.end):
            record = LogRecord(read.offset, read.timestamp, read.key, change(read.value))
            if read.key in seen or (read.key or b"").startswith(b"kill:"):
                later.append(record)
            else:
                first.append(Source(each.topic, each.partition, record))
            seen.add(read.key)
    return first, later


def _given(later: list[LogRecord]) -> Lane:
    pieces = [later]

    async def refill() -> Sequence[Any]:
        return pieces.pop() if pieces else []

    return Lane(TopicPartition(topics.CONTROL.name, 0), refill)


def lane(shelf: Shelf, of: Range) -> Lane:
    """A range as one lane of a merge."""
    place = TopicPartition(of.topic, of.partition)

    async def refill() -> Sequence[Any]:
        return await shelf.take(place, BATCH, of.end)

    return Lane(place, refill)
