"""What the engine keeps: keys and bytes of each changelog, whole and as compaction will leave it."""

import asyncio
from dataclasses import dataclass

from streams import log
from streams.topics import CATALOGUE

STATES = tuple(topic.name for topic in CATALOGUE if topic.key == "table")


@dataclass(frozen=True)
class Kept:
    """One changelog. live: the last value of each key; bytes count keys and values."""

    records: int
    size: int
    keys: int
    live: int


@dataclass(frozen=True)
class Footprint:
    """The changelogs by name."""

    changelogs: dict[str, Kept]

    def __str__(self) -> str:
        rows = [
            f"| {name} | {kept.records:,} | {kept.size / 2**20:.1f} | {kept.keys:,} | {kept.live / 2**20:.2f} |"
            for name, kept in self.changelogs.items()
        ]
        head = "| changelog | records written | MiB written | keys | MiB after compaction |"
        return "\n".join([head, "| --- | --- | --- | --- | --- |", *rows])


def footprint(brokers: str) -> Footprint:
    """Read the changelogs of a system at rest."""
    return Footprint({name: asyncio.run(_kept(brokers, name)) for name in STATES})


async def _kept(brokers: str, name: str) -> Kept:
    latest: dict[tuple[int, bytes], int] = {}
    records = size = 0
    for record in await log.read_all(brokers, name):
        key, value = record.key or b"", record.value
        records += 1
        size += len(key) + len(value or b"")
        place = (record.partition, key)
        if value is None:
            latest.pop(place, None)
        else:
            latest[place] = len(key) + len(value)
    return Kept(records, size, len(latest), sum(latest.values()))
