"""One row of a report's tables: how good a version's answers were over some of the rows, beside the baselines."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from models import skill
from models.report.answers import NO_LABEL, Answers, Bools
from models.report.baselines import Baselines
from models.skill import Floats, Ints

WINDOWS = (1_000, 10_000)
"""Labels in one window."""

DRAWS = 200
INTERVAL = (2.5, 97.5)
BLOCKS_MIN = 10
"""Below so many blocks there is no interval to speak of."""

Figures = dict[str, Any]


def figures(answers: Answers, version: str, bases: Baselines, rows: Bools) -> Figures:
    """Measures over those of the rows that the version has answered and that have a class.

    kappa_t, kappa_m: against no-change and majority, over the rows for which those had something to go by.
    """
    chosen = rows & answers.answered(version)
    p, y = answers.p[version][chosen], answers.y[chosen]
    return {
        "n": len(y),
        "answered": _share(chosen, rows & answers.labelled),
        "auc": skill.auc(p, y),
        "logloss": skill.logloss(p, y),
        "brier": skill.brier(p, y),
        "accuracy": skill.accuracy(p, y),
        "accuracy_expected": skill.accuracy_expected(p),
        "kappa_t": _kappa(p, y, bases.no_change[chosen]),
        "kappa_m": _kappa(p, y, bases.majority[chosen]),
        "ece": skill.ece(p, y),
    }


def cumulative(answers: Answers, version: str, bases: Baselines, size: int) -> list[Figures]:
    """From the first label up to the end of each window."""
    every = np.ones(len(answers), dtype=np.bool_)
    found = []
    for window in _windows(answers, size):
        upto = every & (np.arange(len(answers)) <= window[-1])
        found.append(_at(answers, window, figures(answers, version, bases, upto)))
    return found


def windows(answers: Answers, version: str, bases: Baselines, size: int) -> list[Figures]:
    """Of each window for itself; the last one may be shorter."""
    found = []
    for window in _windows(answers, size):
        rows = np.zeros(len(answers), dtype=np.bool_)
        rows[window] = True
        found.append(_at(answers, window, figures(answers, version, bases, rows)))
    return found


def auc_interval(
    answers: Answers, version: str, block_ns: int, seed: int
) -> tuple[float, float] | None:
    """The middle 95 % of the AUC over draws of whole blocks of time, with all symbols, so that what hangs together
    stays together. Kunsch, Annals of Statistics 17(3), 1989; here of fixed blocks.
    """
    chosen = answers.answered(version)
    p, y = answers.p[version][chosen], answers.y[chosen]
    if not len(y):
        return None
    numbers = answers.t0[chosen] // block_ns
    order = np.argsort(numbers, kind="stable")
    _, starts = np.unique(numbers[order], return_index=True)
    blocks = np.split(order, starts[1:])
    if len(blocks) < BLOCKS_MIN:
        return None
    chance = np.random.default_rng(seed)
    drawn = []
    for _ in range(DRAWS):
        picked = np.concatenate(
            [blocks[each] for each in chance.integers(len(blocks), size=len(blocks))]
        )
        found = skill.auc(p[picked], y[picked])
        if found is not None:
            drawn.append(found)
    if not drawn:
        return None
    low, high = np.percentile(drawn, INTERVAL)
    return float(low), float(high)


def _windows(answers: Answers, size: int) -> Iterator[Ints]:
    """The labelled rows, so many at a time."""
    rows = np.flatnonzero(answers.labelled)
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def _at(answers: Answers, window: Ints, found: Figures) -> Figures:
    return {"known_at": int(answers.known_at[window[-1]]), **found}


def _kappa(p: Floats, y: Ints, decisions: Ints) -> float | None:
    some = decisions != NO_LABEL
    if not some.any():
        return None
    ours = skill.accuracy(p[some], y[some])
    return skill.kappa(ours, float(np.mean(decisions[some] == y[some])))


def _share(some: Bools, of: Bools) -> float | None:
    return float(some.sum() / of.sum()) if of.any() else None
