"""Moments of event time as people write them on a command line."""

from datetime import UTC, datetime

from api.ending import Ended
from streams.exits import Exit


def milliseconds(text: str | None) -> int | None:
    """`2026-01-05T10:00:00Z`, also with another offset, as ms since 1970; digits alone are ms already. None: None.

    A time without an offset is UTC, whatever the machine's zone: a range must mean the same everywhere.
    """
    if text is None:
        return None
    if text.isdecimal():
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise Ended(Exit.USAGE, f"{text!r} is no time such as 2026-01-05T10:00:00Z") from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1000)


def text(ms: int) -> str:
    """`2026-01-05T10:00:00.000Z` of ms since 1970."""
    moment = datetime.fromtimestamp(ms / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
