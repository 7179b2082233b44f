"""How good probabilities are, counted over whole columns: for trainings and reports.

p: probabilities of up; y: 1 up, 0 down. A measure that nothing defines is None.
"""

import math
from typing import Any, NamedTuple

import numpy as np

Floats = np.ndarray[Any, np.dtype[np.float64]]
Ints = np.ndarray[Any, np.dtype[np.int64]]
P_MIN = 1e-12
"""A probability nearer to 0 or 1 counts as this, or one error would outweigh all else."""

ECE_BINS = 10


def auc(p: Floats, y: Ints) -> float | None:
    """The probability that an up got a higher p than a down; ties count half. By ranks, as Mann and Whitney do."""
    ups = int(y.sum())
    downs = len(y) - ups
    if not ups or not downs:
        return None
    _, inverse, counts = np.unique(p, return_inverse=True, return_counts=True)
    below = np.cumsum(counts) - counts
    ranks = below[inverse] + (counts[inverse] + 1) / 2
    return float((ranks[y == 1].sum() - ups * (ups + 1) / 2) / (ups * downs))


def brier(p: Floats, y: Ints) -> float | None:
    """Mean square error."""
    return float(np.mean((p - y) ** 2)) if len(y) else None


def logloss(p: Floats, y: Ints) -> float | None:
    """Mean of -ln of the probability of what came."""
    if not len(y):
        return None
    came = np.clip(np.where(y == 1, p, 1 - p), P_MIN, None)
    return float(-np.mean(np.log(came)))


def accuracy(p: Floats, y: Ints) -> float | None:
    """Share of right decisions; p = 0.5 says down."""
    return float(np.mean((p > 0.5) == (y == 1))) if len(y) else None


def accuracy_expected(p: Floats) -> float | None:
    """The accuracy that the probabilities promise."""
    return float(np.mean(np.maximum(p, 1 - p))) if len(p) else None


def kappa(accuracy: float | None, baseline: float | None) -> float | None:
    """(a - b) / (1 - b): what share of the baseline's errors is avoided; with no-change it is kappa_t."""
    if accuracy is None or baseline is None or baseline >= 1:
        return None
    return (accuracy - baseline) / (1 - baseline)


class Bin(NamedTuple):
    """Answers of like probability, n of them. p: their mean; up: the share that came up."""

    n: int
    p: float
    up: float


def reliability(p: Floats, y: Ints, bins: int = ECE_BINS) -> list[Bin]:
    """Bins of equal mass, by p."""
    order = np.argsort(p, kind="stable")
    parts = np.array_split(order, bins)
    return [
        Bin(len(part), float(p[part].mean()), float(y[part].mean())) for part in parts if len(part)
    ]


def ece(p: Floats, y: Ints) -> float | None:
    """Expected calibration error over ten bins of equal mass. Naeini and others, AAAI 2015."""
    if not len(y):
        return None
    gaps = [each.n * abs(each.p - each.up) for each in reliability(p, y)]
    return math.fsum(gaps) / len(y)
