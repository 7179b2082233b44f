"""Brings `models.registry` and `models.alias` to what PostgreSQL says: after each commit, and where one was missed."""

from collections.abc import Iterable

from api import producing
from api.registry import aliases, versions
from models import registry
from streams import log
from streams.predictions import Alias, ModelVersion
from streams.topics import ALIAS, REGISTRY, Topic


async def publish(connection: aliases.Connection, brokers: str) -> int:
    """Send the records that the topics lack, versions first, so that an alias never names what was not told.

    Called after the commit, so a topic is never ahead of the database; a call that was lost is made good by the next.
    """
    known = await versions.every(connection)
    serving = await aliases.current(connection)
    sent = await _send_missing(brokers, REGISTRY, {key_of(version): version for version in known})
    return sent + await _send_missing(brokers, ALIAS, serving)


def key_of(version: ModelVersion) -> str:
    """The key of a version's record."""
    return f"{version.model}@{version.version}"


async def _send_missing(
    brokers: str, topic: Topic, wanted: dict[str, ModelVersion] | dict[str, Alias]
) -> int:
    told = _newest(await log.read_all(brokers, topic.name))
    encoded = {key: registry.canonical(record).encode() for key, record in wanted.items()}
    missing = {key: value for key, value in encoded.items() if told.get(key) != value}
    if missing:
        async with producing.producer(brokers) as to:
            for key, value in missing.items():
                await producing.send(to, topic, key, value)
    return len(missing)


def _newest(records: Iterable[log.Record]) -> dict[str, bytes | None]:
    return {(record.key or b"").decode(): record.value for record in records}
