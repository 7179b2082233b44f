"""How long a partition's oldest unread record has waited, told from offsets alone: no record has to be read for it."""

import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from streams.meter import EngineMeter
from streams.transport import Consumer

EVERY_S = 1.0

IDLE = 1
"""A transaction's marker behind the last record is an offset that nobody reads."""


class Standing(NamedTuple):
    """Offsets of one partition. position: next to read; stable: end of what is committed; end: of what is written."""

    position: int
    stable: int
    end: int


class Waiting:
    """Looked at each second: remembers when each end was first seen."""

    def __init__(self) -> None:
        self._seen: deque[tuple[int, float]] = deque()

    def look(self, standing: Standing, now_s: float) -> float:
        """Seconds since the oldest unread record was first seen, one look too few at most; 0 without lag."""
        if not self._seen or standing.stable > self._seen[-1][0]:
            self._seen.append((standing.stable, now_s))
        while self._seen and self._seen[0][0] <= standing.position + IDLE:
            self._seen.popleft()
        return now_s - self._seen[0][1] if self._seen else 0.0


class Standings:
    """Tells the meter each second where every assigned partition stands, and ends the figures of those that left."""

    def __init__(self, meter: EngineMeter, clock: Callable[[], float] = time.monotonic) -> None:
        self._meter = meter
        self._clock = clock
        self._waiting: dict[tuple[str, int], Waiting] = {}
        self._last = 0.0

    def __call__(self, consumer: object) -> None:
        """Look now. consumer: the transport's, once it is there."""
        now_s = self._clock()
        if self._last:
            self._meter.loop_lag(max(0.0, now_s - self._last - EVERY_S))
        self._last = now_s
        if not isinstance(consumer, Consumer):
            return
        found = {(tp.topic, tp.partition): at for tp, at in consumer.offsets().items()}
        for place in self._waiting.keys() - found.keys():
            self._meter.forget(*place)
            del self._waiting[place]
        for place, offsets in found.items():
            waiting = self._waiting.setdefault(place, Waiting())
            waits_s = waiting.look(Standing(*offsets), now_s)
            self._meter.standing(*place, offsets, waits_s)
