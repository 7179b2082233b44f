"""Releases recorded or made-up time at a chosen speed."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from streams.feeds.source import SECOND_NS, Clock

MAX_SPEED = math.inf
"""As fast as the reader takes it."""

Sleep = Callable[[float], Awaitable[None]]


def parse_speed(text: str) -> float:
    """`max`, `1`, `10x` or `0.5` as a factor of recorded speed; ValueError for anything else."""
    if text == "max":
        return MAX_SPEED
    try:
        speed = float(text.removesuffix("x"))
    except ValueError:
        speed = math.nan
    if not (0 < speed < MAX_SPEED):
        raise ValueError(
            f"speed {text!r} is neither `max` nor a positive factor such as 1, 10x, 0.5"
        )
    return speed


@dataclass
class Pacer:
    """Waits until a moment of the recording is due.

    speed: 1 is recorded speed. clock: monotonic ns. The pace is held against the start, so delays do not add up.
    """

    speed: float
    clock: Clock
    sleep: Sleep = asyncio.sleep
    started: int | None = None

    async def until(self, offset: int) -> None:
        """Returns when `offset` ns of the recording have passed at this speed."""
        if self.started is None:
            self.started = self.clock()
        if self.speed == MAX_SPEED:
            return
        due = self.started + int(offset / self.speed)
        if (wait := due - self.clock()) > 0:
            await self.sleep(wait / SECOND_NS)
