"""Waits until the engine has worked off its inputs."""

import asyncio
import time

from aiokafka import TopicPartition

from api.rounds import committed_inputs
from streams import lag
from streams.settings import Settings
from streams.topics import CATALOGUE

PATIENCE_S = 30.0
"""Without progress for this long, the engine is not going to catch up."""

POLL_S = 0.2


async def until_at_rest(settings: Settings) -> dict[str, int]:
    """What each input still holds for the engine: nothing, or what was left when progress ended."""
    names = [topic.name for topic in CATALOGUE]
    async with lag.watch(
        settings.brokers, settings.app, committed_inputs(settings), names
    ) as behind:
        last, since = await behind.records(), time.monotonic()
        while time.monotonic() - since < PATIENCE_S:
            if not last and await behind.at_rest():
                return {}
            await asyncio.sleep(POLL_S)
            now = await behind.records()
            if now != last:
                last, since = now, time.monotonic()
    return {_name(partition): records for partition, records in sorted(last.items())}


def _name(partition: TopicPartition) -> str:
    return f"{partition.topic}[{partition.partition}]"
