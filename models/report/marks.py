"""What happened to a model on the way: which version served from when on, and when an alarm of drift was up."""

from collections.abc import Iterable
from typing import Literal, NamedTuple

import numpy as np

from models.report.answers import Answers
from streams.predictions import Prediction

FLAGS = ("drift", "canary", "held")


class Mark(NamedTuple):
    """At an event time (ns), of one symbol."""

    time: int
    symbol: str
    kind: Literal["alias", "drift", "canary", "held"]
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
    """Where a flag goes up, by symbol."""
    up: dict[tuple[str, str], bool] = {}
    found = []
    for prediction in sorted(predictions, key=lambda each: (each.time, each.symbol)):
        for flag in FLAGS:
            now = flag in prediction.flags
            if now and not up.get((prediction.symbol, flag)):
                found.append(Mark(prediction.time, prediction.symbol, flag, ""))  # type: ignore[arg-type]  # of the same names
            up[prediction.symbol, flag] = now
    return found
