"""A switch that opens at one value and closes only after calm at a lower one: breakers and pegs are made of it."""

CLOSED, OPEN = 0, -1
"""A third state is half open: the event time (ns) since which it has been calm; it refuses as OPEN does."""


def step(state: int, *, breach: bool, calm: bool, now: int, hold: int) -> int:
    """The state after one observation. breach: at the upper value; calm: at or below the lower. now, hold: ns."""
    if state == CLOSED:
        return OPEN if breach else CLOSED
    if not calm:
        return OPEN
    if state == OPEN:
        return now
    return CLOSED if now - state >= hold else state
