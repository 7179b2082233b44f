"""Windows of event time: the running totals as they stood at the starts of a window's 20 spans, oldest first.

A window's sum is the present total less that of its oldest mark: exact, and no event is ever taken out again. The open
span is part of the window, so it covers between 0.95 and 1.0 of its length.
"""

from typing import TypeVar

SPANS = 20

Mark = TypeVar("Mark", bound=tuple[int, ...])


def empty(width: int) -> tuple[tuple[int, ...], ...]:
    """A ring before the first event; its marks hold `width` totals."""
    return ((0,) * width,) * SPANS


def roll(ring: tuple[Mark, ...], opened: int, mark: Mark) -> tuple[Mark, ...]:
    """The ring after so many spans have opened, all at the same totals; after a gap of a whole window all are new."""
    if opened == 1:
        return (*ring[1:], mark)
    return ring[opened:] + (mark,) * min(opened, SPANS)
