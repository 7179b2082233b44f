"""What is learned of the train rows before a model is: bounds, scales, weights. No other row has any part in them."""

import math
from typing import NamedTuple

import numpy as np

from models.batch.frame import Frame
from models.skill import Floats, Ints

CLIP_SHARE = 0.005
"""Of the train rows, beyond each bound."""

ROUNDING = 1e-12


class Prepared(NamedTuple):
    """clip: (low, high) of each feature; mean, deviation: of the clipped train rows; weight: of each train row."""

    clip: tuple[tuple[float, float], ...]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    weight: Floats


def prepare(train: Frame) -> Prepared:
    """Quantiles, means and deviations by feature, and the weights of the rows."""
    bounds = np.quantile(train.x, [CLIP_SHARE, 1 - CLIP_SHARE], axis=0)
    clip = tuple((float(low), float(high)) for low, high in bounds.T)
    columns = clipped(train.x, clip).T.tolist()
    means = tuple(math.fsum(column) / len(column) for column in columns)
    deviations = tuple(map(_deviation, columns, means))
    return Prepared(clip, means, deviations, uniqueness(train))


def clipped(x: Floats, clip: tuple[tuple[float, float], ...]) -> Floats:
    """The rows within the bounds."""
    low, high = np.array(clip, dtype=np.float64).reshape(-1, 2).T
    return np.minimum(np.maximum(x, low), high)


def uniqueness(frame: Frame) -> Floats:
    """Mean of 1 / (labels of the symbol under way) over each label's life, in (0, 1].

    Lopez de Prado, "Advances in Financial Machine Learning", 2018, section 4.4.
    """
    weights = np.empty(len(frame))
    for symbol in np.unique(frame.symbol):
        rows = np.flatnonzero(frame.symbol == symbol)
        weights[rows] = _uniqueness(frame.t0[rows], frame.known_at[rows])
    return weights


def _uniqueness(start: Ints, end: Ints) -> Floats:
    """Between two neighbouring times the count stands still, so its reciprocal integrates to a sum."""
    times = np.unique(np.concatenate([start, end]))
    started = np.searchsorted(np.sort(start), times[:-1], side="right")
    ended = np.searchsorted(np.sort(end), times[:-1], side="right")
    under_way = np.maximum(started - ended, 1)
    area = np.concatenate([[0.0], np.cumsum(np.diff(times) / under_way)])
    lived = area[np.searchsorted(times, end)] - area[np.searchsorted(times, start)]
    found: Floats = np.minimum(lived / (end - start), 1.0)
    return found


def _deviation(column: list[float], mean: float) -> float:
    """Population deviation; 1 for a feature that does not move, but for rounding."""
    found = math.sqrt(math.fsum((each - mean) ** 2 for each in column) / len(column))
    return found if found > ROUNDING * max(1.0, abs(mean)) else 1.0
