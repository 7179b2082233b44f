"""Waits until a system has nothing left to do."""

import asyncio
import time
from collections.abc import Iterable

from streams import lag, topics

DEADLINE_S = 300.0
AGAIN_S = 0.7
"""Longer than a reader of broadcasts waits."""


def until_at_rest(brokers: str, app: str, inputs: Iterable[str]) -> None:
    """Returns when the group had committed all its inputs at three looks in a row."""
    asyncio.run(_until_at_rest(brokers, app, tuple(inputs)))


async def _until_at_rest(brokers: str, app: str, inputs: tuple[str, ...]) -> None:
    names, quiet = [topic.name for topic in topics.CATALOGUE], 0
    end = time.monotonic() + DEADLINE_S
    async with lag.watch(brokers, app, inputs, names) as watched:
        while quiet < 3:
            assert time.monotonic() < end, f"never at rest: {await watched.records()}"
            quiet = quiet + 1 if await watched.at_rest() else 0
            await asyncio.sleep(AGAIN_S)
