"""Times of the order contract: RFC 3339 text on the wire, nanoseconds of event time inside; read by the parsers."""

import re
from datetime import UTC, datetime
from functools import lru_cache

YEAR_MIN = "2000"
SECOND = 10**9

_TIME = re.compile(r"([0-9]{4})-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.([0-9]{1,9}))?Z")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def nanoseconds(text: str) -> int:
    """Event time in ns of an RFC 3339 time in UTC with Z and at most 9 decimals; ValueError for anything else."""
    match = _TIME.fullmatch(text)
    if match is None or match[1] < YEAR_MIN:
        raise ValueError(f"{text} is no RFC 3339 time in UTC from {YEAR_MIN} on")
    return _seconds(text[:19]) * SECOND + int((match[2] or "").ljust(9, "0"))


@lru_cache(maxsize=1024)
def _seconds(text: str) -> int:
    """Seconds since 1970 of `2026-01-05T00:00:00`; the same ones come again and again."""
    since = datetime.fromisoformat(text).replace(tzinfo=UTC) - _EPOCH
    return since.days * 86_400 + since.seconds


def time_text(time_ns: int) -> str:
    """The RFC 3339 text of an event time in ns; `nanoseconds` undoes it."""
    seconds, rest = divmod(time_ns, SECOND)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"
