"""How the logged outputs of each version did over the last 1,000 labels or so, in blocks of a hundred."""

import math
from collections.abc import Iterable

import msgspec

from streams.predictions import Score

BLOCK_LABELS, BLOCKS = 100, 10
BINS = 10
LOG_LOSS_MIN_P = 1e-15


class Tally(msgspec.Struct, array_like=True, gc=False):
    """Sums over labels where the version answered.

    same, major: hits of the last known label and of the majority on the same labels. bins: p - y, by tenths of p.
    """

    labels: int = 0
    logloss: float = 0.0
    brier: float = 0.0
    hits: int = 0
    expected: float = 0.0
    same: int = 0
    major: int = 0
    bins: tuple[float, ...] = (0.0,) * BINS

    def after(self, p: float, y: int, same: bool, major: bool) -> "Tally":
        """With one label more."""
        bins, place = self.bins, min(int(p * BINS), BINS - 1)
        right = p if y else 1 - p
        return Tally(
            self.labels + 1,
            self.logloss - math.log(max(right, LOG_LOSS_MIN_P)),
            self.brier + (p - y) ** 2,
            self.hits + is_hit(p, y),
            self.expected + max(p, 1 - p),
            self.same + same,
            self.major + major,
            (*bins[:place], bins[place] + (p - y), *bins[place + 1 :]),
        )


Block = dict[str, Tally]
"""By version."""


def is_hit(p: float | None, y: int) -> bool:
    """Whether a probability leans to what came."""
    return p is not None and (p > 0.5) == (y == 1)


def score(version: str, tallies: Iterable[Tally]) -> Score | None:
    """Of one version over these blocks; None where it answered nothing."""
    parts = list(tallies)
    count = sum(each.labels for each in parts)
    if not count:
        return None
    accuracy = sum(each.hits for each in parts) / count
    gaps = [math.fsum(each.bins[place] for each in parts) for place in range(BINS)]
    return Score(
        version=version,
        labels=count,
        logloss=math.fsum(each.logloss for each in parts) / count,
        brier=math.fsum(each.brier for each in parts) / count,
        accuracy=accuracy,
        expected=math.fsum(each.expected for each in parts) / count,
        ece=math.fsum(map(abs, gaps)) / count,
        kappa_t=_kappa(accuracy, sum(each.same for each in parts) / count),
        kappa_m=_kappa(accuracy, sum(each.major for each in parts) / count),
    )


def _kappa(accuracy: float, baseline: float) -> float | None:
    """Skill over a baseline. Zliobaite et al. 2015."""
    return None if baseline >= 1 else (accuracy - baseline) / (1 - baseline)


class Scored(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One full block."""

    tallies: Block = {}
