"""Token buckets: so many requests a second, so many at once, by principal or by address."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

RATE = 20.0
BURST = 40
KEYS_MAX = 10_000


class Allowance(NamedTuple):
    """What is left after a request. retry_s: 0 where it was let through."""

    remaining: int
    retry_s: int


class Buckets:
    """One bucket a key; the keys that were quiet longest are forgotten first."""

    def __init__(
        self,
        rate: float = RATE,
        burst: int = BURST,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> Allowance:
        """Take one, if there is one."""
        now = self._clock()
        level, at = self._levels.pop(key, (float(self._burst), now))
        level = min(float(self._burst), level + (now - at) * self._rate)
        let = level >= 1
        left = level - 1 if let else level
        self._levels[key] = left, now
        if len(self._levels) > KEYS_MAX:
            self._levels.popitem(last=False)
        return Allowance(int(left), 0 if let else max(1, math.ceil((1 - level) / self._rate)))
