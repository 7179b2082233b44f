"""When a request is made again, and how long after: pure, so clock, sleep and chance come from whoever asks."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

ATTEMPTS = 8
DELAY_MAX_S = 60.0
WAIT_MAX_S = 300.0
"""A source that asks for a longer pause ends the run, which says when to go on."""

TRANSIENT = frozenset({408, 429, *range(500, 600)})
SECONDS = re.compile(r"\s*(\d{1,9})\s*", re.ASCII)


class MustWait(Exception):
    """The source asks for more patience than a process should have."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the source asks to wait {seconds:.0f} s")
        self.seconds = seconds


def retry_after(header: str | None, now_s: float) -> float:
    """Seconds that a Retry-After header asks for, as a number or as an HTTP date; 0 for a past one, or for nonsense."""
    if not header:
        return 0.0
    if match := SECONDS.fullmatch(header):
        return float(match[1])
    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return 0.0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.fromtimestamp(now_s, UTC)).total_seconds())


def delay(attempt: int, asked_s: float, random: Callable[[], float]) -> float:
    """Seconds before attempt `attempt` + 1: anything up to a doubling bound, but no less than was asked for.

    attempt: from 0. Raises MustWait.
    """
    if asked_s > WAIT_MAX_S:
        raise MustWait(asked_s)
    return max(asked_s, random() * min(DELAY_MAX_S, 2.0**attempt))


@dataclass
class TokenBucket:
    """At most `rate` requests a second, `burst` of them at once. clock: seconds, monotonic."""

    rate: float
    burst: float
    clock: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    _tokens: float = field(init=False)
    _at: float = field(init=False)

    def __post_init__(self) -> None:
        self._tokens, self._at = self.burst, self.clock()

    async def take(self) -> None:
        """Wait for the next token."""
        now = self.clock()
        self._tokens = min(self.burst, self._tokens + (now - self._at) * self.rate)
        self._at = now
        self._tokens -= 1
        if self._tokens < 0:
            await self.sleep(-self._tokens / self.rate)
