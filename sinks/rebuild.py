"""Rebuilds the latest state from the topics alone, for whoever lost both the cache and the history database."""

from collections import defaultdict
from typing import NamedTuple

from sinks.batch import Place
from sinks.current import FOLLOW, KINDS, Current, versioned
from sinks.history import Snapshot
from sinks.latest import Keys, Latest
from streams import log
from streams.codec import Undecodable, encode
from streams.meter import NoMeter
from streams.settings import Settings
from streams.topics import BY_NAME


class Rebuilt(NamedTuple):
    """values: how many each partition has now; newer: partitions that hold a newer state already and were left."""

    values: dict[Place, int]
    newer: list[Place]


async def rebuild(settings: Settings) -> Rebuilt:
    """Fold the topics from their beginnings and store the result. Raises RedisError, KafkaError.

    A key whose last message is older than the topic's retention is not found here; the history has it.
    """
    latest = Latest(settings.redis_url, Keys(settings.app, settings.generation), NoMeter())
    rebuilt = Rebuilt({}, [])
    try:
        for place, snapshot in (await fold(settings.brokers)).items():
            if await latest.replace(place, snapshot):
                rebuilt.values[place] = len(snapshot.entries)
            else:
                rebuilt.newer.append(place)
    finally:
        await latest.close()
    return rebuilt


async def fold(brokers: str) -> dict[Place, Snapshot]:
    """What is current in each partition, as of the topics' present ends."""
    current: dict[Place, Current] = defaultdict(dict)
    async with log.reader(brokers) as consumer:
        partitions = await log.partitions_of(consumer, KINDS)
        starts = await consumer.beginning_offsets(partitions)
        ends = await consumer.end_offsets(partitions)
        async for record in log.between(consumer, starts, ends):
            _enter(current[record.topic, record.partition], record)
    places = {(partition.topic, partition.partition): end for partition, end in ends.items()}
    return {place: _snapshot(end, current[place]) for place, end in places.items()}


def _enter(current: Current, record: log.Record) -> None:
    try:
        message = BY_NAME[record.topic].decode(record.value or b"")
    except Undecodable:
        return  # the sink keeps it among its rejects
    FOLLOW[record.topic](current, message, record.partition, record.offset)


def _snapshot(end: int, current: Current) -> Snapshot:
    return Snapshot(
        end,
        {
            (key.kind, key.key): versioned(entry.offset, encode(entry.message))
            for key, entry in current.items()
            if entry.message is not None
        },
    )
