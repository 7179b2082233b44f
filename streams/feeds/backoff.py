"""How long a feed waits before it connects again."""

from collections.abc import Callable
from dataclasses import dataclass

DOUBLINGS_MAX = 32
"""Keeps the power small; the cap is reached long before."""


@dataclass
class Backoff:
    """Exponential delays with jitter: half of the step is certain, half is random, so many feeds do not return at once.

    first_s: the first step; cap_s: the largest. random: uniform in [0, 1).
    """

    random: Callable[[], float]
    first_s: float = 0.5
    cap_s: float = 30.0
    failures: int = 0

    def next(self) -> float:
        """Seconds to wait after one more failure."""
        step = min(self.cap_s, self.first_s * 2.0 ** min(self.failures, DOUBLINGS_MAX))
        self.failures += 1
        return step * (0.5 + 0.5 * self.random())

    def reset(self) -> None:
        """The connection works again."""
        self.failures = 0
