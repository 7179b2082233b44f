"""Stops the parts in order within one budget of time, and leaves no process behind."""

import time
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from api.supervisor.keeper import Part
from api.supervisor.threads import in_thread

BUDGET_S = 9.0
"""For all parts together; `up` promises ten seconds."""

LEAST_S = 0.3
"""What even the last part is given before it is killed."""


class Stop(NamedTuple):
    """A part, and how long it may take at most."""

    part: Part
    seconds: float


async def stop_in_order(stops: Sequence[Stop], until: float) -> list[str]:
    """Stops one part after the other by a monotonic time; returns the names of those that had to be killed."""
    killed = []
    for position, (part, seconds) in enumerate(stops):
        reserve = LEAST_S * (len(stops) - position - 1)
        allowed = max(LEAST_S, min(seconds, until - time.monotonic() - reserve))
        in_order = await in_thread(partial(part.stop, allowed), part.name)
        if not in_order:
            killed.append(part.name)
    return killed
