"""What needs no model: the last label that was known when a vector was answered, and the commoner class until then."""

from typing import NamedTuple

import numpy as np

from models.report.answers import NO_LABEL, Answers
from models.skill import Ints


class Baselines(NamedTuple):
    """A decision a row: 1 up, 0 down, NO_LABEL where nothing was known yet."""

    no_change: Ints
    majority: Ints


def baselines(answers: Answers) -> Baselines:
    """Of each symbol for itself, over labels with known_at <= t0; of one time, the one of the latest vector."""
    no_change = np.full(len(answers), NO_LABEL, dtype=np.int64)
    majority = no_change.copy()
    for symbol in np.unique(answers.symbol):
        rows = np.flatnonzero(answers.symbol == symbol)
        known = rows[answers.labelled[rows]]  # in the order of known_at already
        if not len(known):
            continue
        y = answers.y[known]
        count = np.searchsorted(answers.known_at[known], answers.t0[rows], side="right")
        some = count > 0
        ups = np.cumsum(y)
        last = count[some] - 1
        no_change[rows[some]] = y[last]
        majority[rows[some]] = 2 * ups[last] > count[some]
    return Baselines(no_change, majority)
