"""Which vectors may be answered and learned."""

import math
from operator import gt, lt

from models.features import FEATURES, READY_SOON, SET_HASH, VECTOR
from models.labels import GAP_MS_MAX
from streams.predictions import Example, Features

LOWS, HIGHS = [each.low for each in FEATURES], [each.high for each in FEATURES]


def refusal(features: Features | Example) -> tuple[str, tuple[float, ...]]:
    """Why a vector may be neither answered nor learned, "" if it may, and its values if it has any.

    The feature function clips, so a value beyond its clip was made by something else.
    """
    if features.set_hash != SET_HASH or len(features.vector) != VECTOR.size:
        return "feature_set", ()
    values = VECTOR.unpack(features.vector)
    if not all(map(math.isfinite, values)):
        return "nonfinite_input", values
    if any(map(lt, values, LOWS)) or any(map(gt, values, HIGHS)):
        return "out_of_distribution", values
    return "", values


def is_learnable(refused: str, ready: int) -> bool:
    """Whether versions may learn from a vector: those that look at it, that is."""
    return not refused and not READY_SOON & ~ready


def is_stale(features: Features) -> bool:
    """Whether the vector comes after a silence: it is learned, but not answered."""
    return features.gap_ms > GAP_MS_MAX
