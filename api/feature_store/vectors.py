"""Vectors as they are compared: bit for bit, feature by feature."""

import struct
from typing import NamedTuple

from models.feature_store.relations import READY
from models.feature_store.sets import FeatureSet


class Point(NamedTuple):
    """A symbol at an event time (ns)."""

    symbol: str
    time: int

    @property
    def stored(self) -> "Point":
        """As the stores know it, in whole microseconds."""
        return self._replace(time=self.time // 1_000 * 1_000)


class Vector(NamedTuple):
    """One vector. ready: its mask; packed: little-endian float64."""

    ready: int
    packed: bytes


class Row(NamedTuple):
    """A vector and where it belongs."""

    point: Point
    vector: Vector


class Difference(NamedTuple):
    """Where a way first differs from the log. feature: the first one that does, or `row` where one side has none."""

    way: str
    point: Point
    feature: str
    logged: str
    found: str

    def __str__(self) -> str:
        at = f"{self.point.symbol} at {self.point.time}"
        return f"{self.way}: {at}: {self.feature}: logged {self.logged}, found {self.found}"


def compare(
    way: str, stored: FeatureSet, point: Point, logged: Vector | None, found: Vector | None
) -> Difference | None:
    """The first difference of two vectors; None when every bit is the same."""
    if logged == found:
        return None
    if logged is None or found is None:
        return Difference(way, point, "row", _shown(logged), _shown(found))
    ours, theirs = _bits(logged.packed), _bits(found.packed)
    for at, name in enumerate(stored.names):
        if ours[at : at + 1] != theirs[at : at + 1]:
            return Difference(way, point, name, _hex(logged, at), _hex(found, at))
    if logged.packed != found.packed:
        return Difference(way, point, "length", str(len(ours)), str(len(theirs)))
    return Difference(way, point, READY, f"{logged.ready:#x}", f"{found.ready:#x}")


def _bits(packed: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(packed) // 8}Q", packed[: len(packed) // 8 * 8])


def _hex(vector: Vector, at: int) -> str:
    part = vector.packed[8 * at : 8 * at + 8]
    return float.hex(struct.unpack("<d", part)[0]) if len(part) == 8 else "nothing"


def _shown(vector: Vector | None) -> str:
    return "no row" if vector is None else "a row"
