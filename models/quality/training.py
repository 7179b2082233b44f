"""What must hold of the rows that a model is trained on, and the columns by which it is checked."""

from collections.abc import Mapping
from itertools import chain

import msgspec
import numpy as np

from models.quality.constraints import (
    Above,
    Between,
    Column,
    Columns,
    Constraint,
    Distinct,
    Frame,
    Mean,
    OneOf,
    Present,
    Rows,
    Unique,
)

GIVEN = ("symbol", "t0", "known_at", "y", "w", "set_hash")
"""Columns beside the features: text, int64 ns, int64 ns, 0 or 1, weight, text."""

STILL = ("tod_sin", "tod_cos", "dow_sin", "dow_cos", "gap")
"""Features that may stand still: of the calendar over a short range, and of what is missing where nothing is."""

CLASS_SHARE_MIN = 0.05
_STEP = "step"


class TrainingRules(msgspec.Struct, frozen=True, tag="training"):
    """features: their names in order. clip: (low, high) of each, as the feature set states them.

    cutoff, embargo: ns; no label may be known later than cutoff - embargo. rows_min: fewer are too few.
    """

    features: tuple[str, ...]
    clip: tuple[tuple[float, float], ...]
    cutoff: int
    embargo: int
    rows_min: int


def constraints(rules: TrainingRules) -> list[Constraint]:
    """All of a training frame's. Finite is what lies within a finite clip range."""
    named = (*rules.features, *GIVEN)
    moving = (name for name in rules.features if name not in STILL)
    return [
        Columns((*named, _STEP)),
        Rows(rules.rows_min),
        *(Present(name) for name in named),
        *(
            Between(name, low, high)
            for name, (low, high) in zip(rules.features, rules.clip, strict=True)
        ),
        *(Distinct(name, 2, label=f"{name} moves") for name in moving),
        Between(_STEP, 0, label="t0 in order"),
        Above("known_at", "t0", ties=False),
        Between("known_at", high=rules.cutoff - rules.embargo, label="known_at before embargo"),
        Unique(("symbol", "t0")),
        OneOf("y", (0, 1)),
        Mean("y", CLASS_SHARE_MIN, 1 - CLASS_SHARE_MIN, label="share of each class"),
        Between("w", 0, 1, above=True),
        Distinct("set_hash", 1, 1, label="one set_hash"),
    ]


def prepared(columns: Mapping[str, Column]) -> Frame:
    """The columns with those that are derived from them."""
    t0 = columns.get("t0", np.empty(0, np.int64))
    step = np.diff(t0, prepend=t0[:1])
    return dict(chain(columns.items(), [(_STEP, step)]))
