"""A named point at which a test wants a process to die, as by kill -9: `HEADRACE_CRASH=sink_rows:3`."""

import os
from collections.abc import Callable

KILLED = 137
"""What a shell says of a process that was killed."""

Passage = Callable[[str], None]
"""Told the name of each point that is passed."""


def nowhere(_point: str) -> None:
    """The passage of processes that nobody wants to die."""


def at(setting: str, points: tuple[str, ...]) -> Passage:
    """A passage that ends the process at the n-th passage of a point; `setting`: `point:n`, "" = never.

    Raises ValueError for a point that this process does not have, which a test would wait for in vain.
    """
    if not setting:
        return nowhere
    wanted, _, number = setting.partition(":")
    if wanted not in points or not number.isdigit():
        raise ValueError(f"crash {setting!r} is not one of {points} and a number behind a colon")
    left = int(number)

    def passage(point: str) -> None:
        nonlocal left
        left -= point == wanted
        if point == wanted and left == 0:
            os._exit(KILLED)

    return passage
