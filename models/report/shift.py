"""Whether vectors have become others: each feature of the last day beside what it was before, for the report."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from models.skill import Floats, Ints

DAY_NS = 86_400_000_000_000
BINS = 10
SHARE_MIN = 1e-4
"""An empty bin counts as this, or one value out of range would be infinitely much."""

ROWS_MIN = 100
KS_ROWS = 1_000
PSI_WARNING, PSI_RETRAIN, RETRAIN_FEATURES = 0.2, 0.25, 3
KS_LEVEL = 0.01
"""Over all features together."""


def shifts(x: Floats, ready: Ints, t0: Ints, names: Sequence[str]) -> dict[str, Any]:
    """By feature the PSI, and the p of Kolmogorov and Smirnov's test over evenly spaced rows.

    x: a row a vector in the order of t0 (ns); ready: the bits of each. The last day is held against all before it, and
    where there is less than that, the second half of the time against the first. None: too few rows that are ready.
    """
    if not len(t0):
        return {"split": None, "features": {}, "shifted": [], "retrain": False}
    split = int(t0[-1]) - DAY_NS
    if np.searchsorted(t0, split) < ROWS_MIN:
        split = (int(t0[0]) + int(t0[-1])) // 2
    late = t0 >= split
    found: dict[str, dict[str, float | None]] = {}
    for place, name in enumerate(names):
        known = (ready >> place) & 1 == 1
        before, now = x[known & ~late, place], x[known & late, place]
        enough = min(len(before), len(now)) >= ROWS_MIN
        found[name] = {
            "psi": psi(before, now) if enough else None,
            "ks_p": ks_p(_spaced(before), _spaced(now)) if enough else None,
        }
    sizes = [each["psi"] or 0.0 for each in found.values()]
    return {
        "split": split,
        "features": found,
        "shifted": [name for name, each in found.items() if is_shifted(each, len(names))],
        "retrain": sum(size > PSI_RETRAIN for size in sizes) >= RETRAIN_FEATURES,
    }


def is_shifted(found: dict[str, float | None], features: int) -> bool:
    """Whether one of the two figures of a feature is beyond its line."""
    size, p = found["psi"], found["ks_p"]
    return (size is not None and size > PSI_WARNING) or (p is not None and p < KS_LEVEL / features)


def psi(before: Floats, now: Floats) -> float:
    """Population stability index over the deciles of what was before: sum (q - p) ln(q/p). Siddiqi 2006."""
    edges = np.unique(np.quantile(before, np.linspace(0, 1, BINS + 1)[1:-1]))
    p, q = (_shares(edges, values) for values in (before, now))
    return math.fsum(((q - p) * np.log(q / p)).tolist())


def ks_p(one: Floats, other: Floats) -> float:
    """P of so large a distance of two samples of one distribution. Smirnov 1948, with Stephens' correction of 1970."""
    every = np.sort(np.concatenate([one, other]))
    ranks = [
        np.searchsorted(np.sort(each), every, side="right") / len(each) for each in (one, other)
    ]
    distance = float(np.max(np.abs(ranks[0] - ranks[1])))
    size = math.sqrt(len(one) * len(other) / (len(one) + len(other)))
    scaled = (size + 0.12 + 0.11 / size) * distance
    if scaled < 0.2:
        return 1.0  # the series converges too slowly, to 1
    terms = [(-1) ** (n - 1) * math.exp(-2 * (n * scaled) ** 2) for n in range(1, 101)]
    return min(max(2 * math.fsum(terms), 0.0), 1.0)


def _shares(edges: Floats, values: Floats) -> Floats:
    counts = np.bincount(np.searchsorted(edges, values, side="left"), minlength=len(edges) + 1)
    shares: Floats = np.maximum(counts / len(values), SHARE_MIN)
    return shares


def _spaced(values: Floats) -> Floats:
    """At most so many rows, evenly over time: neighbours are alike, and would make any distance look certain."""
    if len(values) <= KS_ROWS:
        return values
    places = np.linspace(0, len(values) - 1, KS_ROWS).astype(np.int64)
    spaced: Floats = values[places]
    return spaced
