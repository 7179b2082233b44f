"""River's StandardScaler as a value: what the versions of a symbol have in common, they share, and it is made once.

Versions that have learned the same vectors have the same means and deviations, bit for bit, so the one that learns a
vector second finds the scale, and the z-scores, that the first has made of it. A test holds both to River's own.
"""

import struct
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple
from weakref import ref

from models.features import NAMES
from models.online.adapter import are_outliers

WIDTH = len(NAMES)
SCALES_KEPT = 64
_PACKING = struct.Struct(f"<{1 + 2 * WIDTH}d")


class Scaled(NamedTuple):
    """The z-scores of a vector, in the order of the features and by their names."""

    scores: list[float]
    named: dict[str, float]


class Scale:
    """Means and variances of so many vectors. It never changes; it remembers what it last made, and of what."""

    def __init__(self, learned: int, means: Sequence[float], variances: Sequence[float]) -> None:
        self._learned = learned
        self.means, self.variances = means, variances
        self._deviations = [variance**0.5 for variance in variances]
        self._scaled: tuple[object, Scaled] | None = None
        self._known: tuple[object, Scaled | None] | None = None
        self._after: tuple[object, ref[Scale]] | None = None

    def known(self, values: Sequence[float]) -> Scaled | None:
        """The z-scores of a vector to be answered; None where they are out of distribution."""
        if self._known is not None and self._known[0] is values:
            return self._known[1]
        made = self.scaled(values)
        found = None if are_outliers(made.scores) else made
        if type(values) is tuple:
            self._known = values, found
        return found

    def scaled(self, values: Sequence[float]) -> Scaled:
        """The z-scores of a vector; 0 where nothing varies yet."""
        if self._scaled is not None and self._scaled[0] is values:
            return self._scaled[1]
        scores = [
            (value - mean) / deviation if deviation else 0.0
            for value, mean, deviation in zip(values, self.means, self._deviations, strict=True)
        ]
        made = Scaled(scores, dict(zip(NAMES, scores, strict=True)))
        if type(values) is tuple:
            self._scaled = values, made
        return made

    def after(self, values: Sequence[float]) -> "Scale":
        """The scale with one vector more. Welford 1962."""
        if self._after is not None and self._after[0] is values:
            twin = self._after[1]()
            if twin is not None:
                return twin
        count = self._learned + 1
        means = [
            mean + (value - mean) / count for value, mean in zip(values, self.means, strict=True)
        ]
        variances = [
            variance + ((value - before) * (value - mean) - variance) / count
            for value, before, mean, variance in zip(
                values, self.means, means, self.variances, strict=True
            )
        ]
        made = Scale(count, means, variances)
        if type(values) is tuple:
            self._after = values, ref(made)
        return made


def restored(learned: float, means: Sequence[float], variances: Sequence[float]) -> Scale:
    """A scale from an export: the same object for the same bits."""
    return _of(_PACKING.pack(learned, *means, *variances))


@lru_cache(SCALES_KEPT)
def _of(packed: bytes) -> Scale:
    learned, *rest = _PACKING.unpack(packed)
    return Scale(int(learned), rest[:WIDTH], rest[WIDTH:])
