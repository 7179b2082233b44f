"""What an online version does, whatever is inside it, and the form in which its state is kept."""

import hashlib
import math
import struct
from collections.abc import Iterable, Sequence
from typing import Protocol

from models.features import SET_HASH

Z_MAX, Z_HIGH, Z_HIGH_COUNT = 8.0, 5.0, 3
"""Out of distribution: any abs(z) above the first, or so many above the second."""

STAMP_BYTES = 4 + len(SET_HASH) // 2
LEARNING = b"learning"
"""Equals no state: an object holds it while it learns, so an exception leaves one that nobody takes for a good one."""


class Online(Protocol):
    """One version for one symbol and label.

    learned: how many examples. sound: whether every number of its state is finite. state: the export that it is in.
    """

    @property
    def learned(self) -> int: ...
    @property
    def sound(self) -> bool: ...
    @property
    def state(self) -> bytes: ...

    def predict(self, values: Sequence[float]) -> float | None:
        """P(up) of a vector of finite numbers; None of one that is unlike what it has learned from."""

    def learn(self, values: Sequence[float], up: bool, weight: float, known_at: int) -> None:
        """Learn one example, whose label was known at that event time (ns); `state` and `sound` say what came of it."""


class Format:
    """The packing of a state: a stamp of name and feature set, then so many little-endian float64."""

    def __init__(self, tag: str, numbers: int) -> None:
        assert len(tag) == 4
        self.stamp = tag.encode() + bytes.fromhex(SET_HASH)
        self._packing = struct.Struct(f"<{STAMP_BYTES}s{numbers}d")
        self.fresh = [0.0] * numbers

    def pack(self, numbers: Sequence[float]) -> bytes:
        """The export of these numbers."""
        return self._packing.pack(self.stamp, *numbers)

    def numbers(self, state: bytes) -> list[float]:
        """The numbers of an export; those of a version that has learned nothing for any other bytes."""
        return list(self._packing.unpack(state)[1:]) if self.knows(state) else list(self.fresh)

    def knows(self, state: bytes) -> bool:
        """Whether these bytes are an export of this format; what is not is learned anew."""
        return len(state) == self._packing.size and state.startswith(self.stamp)


def state_hash(state: bytes) -> str:
    """sha256 (hex) of an export."""
    return hashlib.sha256(state).hexdigest()


def is_finite(numbers: Iterable[float]) -> bool:
    """Whether each is: an infinity or NaN among them makes their sum one."""
    return math.isfinite(sum(numbers))


def are_outliers(scores: Sequence[float]) -> bool:
    """Whether z-scores are those of a vector that is out of distribution."""
    if max(map(abs, scores)) <= Z_HIGH:
        return False
    sizes = sorted(map(abs, scores), reverse=True)
    return sizes[0] > Z_MAX or sizes[Z_HIGH_COUNT - 1 : Z_HIGH_COUNT] > [Z_HIGH]
