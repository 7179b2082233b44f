"""What happened to a model on the way: which version served from when on, and when an alarm of drift was up."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from models.report.answers import Answers
from streams.predictions import Prediction

LASTING = ("canary", "held", "drift_hold")
"""Flags that stay up; a mark is where one goes up."""

ALARMS = ("drift", "refused")
"""Flags of one record, as `drift:lin`: what follows the colon is the version."""


class Mark(NamedTuple):
    """At an event time (ns), of one symbol. text: the version that it is about, if one is told."""

    time: int
    symbol: str
    kind: str
    text: str


def switches(answers: Answers) -> list[Mark]:
    """Where the recorded answers begin to be another version's: the records are the truth, not the plans."""
    found = []
    for symbol in np.unique(answers.symbol).tolist():
        rows = np.flatnonzero(answers.symbol == symbol)
        rows = rows[np.argsort(answers.t0[rows], kind="stable")]
        before = ""
        for row in rows.tolist():
            champion = str(answers.champion[row])
            if champion and champion != before:
                found.append(Mark(int(answers.t0[row]), symbol, "alias", champion))
                before = champion
    return sorted(found)


def flags(predictions: Iterable[Prediction]) -> list[Mark]:
    """Where a lasting flag goes up, by symbol, and every alarm."""
    up: dict[str, frozenset[str]] = {}
    found = []
    for prediction in sorted(predictions, key=lambda each: (each.time, each.symbol)):
        now = frozenset(prediction.flags)
        new = now - up.get(prediction.symbol, frozenset())
        up[prediction.symbol] = now.intersection(LASTING)
        for flag in sorted(new):
            kind, _, version = flag.partition(":")
            if kind in LASTING or kind in ALARMS:
                found.append(Mark(prediction.time, prediction.symbol, kind, version))
    return found
