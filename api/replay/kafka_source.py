"""Recorded topics as the source of a replay: ranges of offsets, read with no group, merged by event time."""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from agents.backtest import Source
from agents.handler import LogRecord
from api.replay.manifest import Manifest, Range
from streams import log, topics
from streams.cursor import Cursor
from streams.merge import BATCH, Lane, first_time, merged

MARKET = (topics.QUOTES.name, topics.TRADES.name)
Change = Callable[[bytes | None], bytes | None]


async def ranges(
    brokers: str, names: Iterable[str], since_ms: int | None, until_ms: int | None
) -> tuple[Range, ...]:
    """The offsets of these topics in [since, until) of event time, up to the present ends; `control` from its start.

    Kafka's index of times gives the first record that is not older; those behind it may be.
    """
    found: list[Range] = []
    async with log.reader(brokers) as consumer:
        places = await log.partitions_of(consumer, names)
        ends = await log.settled_ends(brokers, places)
        begins = await consumer.beginning_offsets(places)
        for place in places:
            start = begins[place]
            if place.topic != topics.CONTROL.name:
                start = await _at(consumer, place, since_ms, start, ends[place])
            end = await _at(consumer, place, until_ms, ends[place], ends[place])
            found.append(Range(place.topic, place.partition, start, max(start, end)))
    return tuple(found)


async def _at(
    consumer: AIOKafkaConsumer, place: TopicPartition, time_ms: int | None, unbounded: int, end: int
) -> int:
    if time_ms is None:
        return unbounded
    found = (await consumer.offsets_for_times({place: time_ms}))[place]
    return end if found is None else int(found.offset)


async def records(manifest: Manifest, change: Change) -> AsyncIterator[list[Source]]:
    """The records of the ranges, reference data first. change: of the values of `control`. Raises LogTruncated."""
    wanted = [each for each in manifest.ranges if each.start < each.end]
    starts = {TopicPartition(each.topic, each.partition): each.start for each in wanted}
    if not starts:
        return
    async with log.reader(manifest.brokers) as consumer:
        cursor = Cursor(consumer, starts)
        await cursor.open()
        controls = [each for each in wanted if each.topic == topics.CONTROL.name]
        reference, later = await _control(cursor, controls, change)
        lanes = [lane(cursor, each) for each in wanted if each not in controls]
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
    cursor: Cursor, controls: Sequence[Range], change: Change
) -> tuple[list[Source], list[LogRecord]]:
    """What stands first under each key, which must be there before any market data, and the changes of it."""
    seen: set[bytes | None] = set()
    first, later = [], []
    for each in controls:
        place = TopicPartition(each.topic, each.partition)
        for read in await cursor.take(place, each.end - each.start, each.end):
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


def lane(cursor: Cursor, of: Range) -> Lane:
    """A range as one lane of a merge."""
    place = TopicPartition(of.topic, of.partition)

    async def refill() -> Sequence[Any]:
        return await cursor.take(place, BATCH, of.end)

    return Lane(place, refill)
