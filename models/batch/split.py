"""Cuts rows into train, validation and test by time, so that nothing later reaches what is earlier."""

from typing import NamedTuple

import numpy as np

from models.batch.frame import Frame

SHARES = (0.70, 0.15)
"""Of the unique event times, to train and to validation; the rest is the test."""

EMBARGO_NS_MIN = 60_000_000_000


class TooFew(Exception):
    """A part has fewer rows than it needs."""


class Parts(NamedTuple):
    """The three parts in order. train_end, validation_end: where the next part begins (ns). purged: rows left out."""

    train: Frame
    validation: Frame
    test: Frame
    train_end: int
    validation_end: int
    embargo: int
    purged: dict[str, int]


def embargo_ns(horizon_ns: int) -> int:
    """How long before a part's end its last label must have been known."""
    return max(horizon_ns, EMBARGO_NS_MIN)


def split(frame: Frame, embargo: int, rows_min: tuple[int, int, int]) -> Parts:
    """The parts; no row of train or validation was known later than its part's end - embargo. Raises TooFew.

    The test ends with the data, and nothing comes after it that its labels could reach, so it is not purged.
    """
    times = np.unique(frame.t0)
    if len(times) < len(rows_min):
        raise TooFew(f"{len(frame)} rows at {len(times)} times")
    train_end, validation_end = (
        int(times[int(len(times) * share)]) for share in np.cumsum(SHARES).tolist()
    )
    bounds = [int(times[0]), train_end, validation_end, int(times[-1]) + 1]
    parts, purged = [], {}
    for name, start, end in zip(("train", "validation", "test"), bounds, bounds[1:], strict=False):
        inside = (frame.t0 >= start) & (frame.t0 < end)
        kept = inside & (frame.known_at <= end - embargo) if name != "test" else inside
        purged[name] = int(inside.sum() - kept.sum())
        parts.append(frame.take(kept))
    counts = tuple(map(len, parts))
    if any(count < least for count, least in zip(counts, rows_min, strict=True)):
        raise TooFew(f"{counts} rows in train, validation and test, {rows_min} are needed")
    train, validation, test = parts
    return Parts(train, validation, test, train_end, validation_end, embargo, purged)
