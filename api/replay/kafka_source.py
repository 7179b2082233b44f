"""Recorded topics as the source of a replay: ranges of offsets, read with no group."""

from collections.abc import AsyncIterator, Iterable

from aiokafka import AIOKafkaConsumer, TopicPartition

from agents.backtest import Source
from api.replay import ranged
from api.replay.manifest import Manifest, Range
from api.replay.ranged import Change
from streams import log, topics
from streams.cursor import Cursor


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
    """The records of the ranges, see `ranged.records`. Raises LogTruncated."""
    starts = {
        TopicPartition(each.topic, each.partition): each.start for each in ranged.filled(manifest)
    }
    if not starts:
        return
    async with log.reader(manifest.brokers) as consumer:
        cursor = Cursor(consumer, starts)
        await cursor.open()
        async for batch in ranged.records(manifest, cursor, change):
            yield batch
