"""The whole evaluation of one model over some of its log, as plain values: what the page shows and the JSON holds.

Every answer is the logged one, scored when its label was known: nothing is predicted again. No figure at zero delay is
given, since labels at zero delay are what no one has.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from models import skill
from models.labels import LabelSpec
from models.report import baselines, earnings, figures
from models.report.answers import SERVED, Answers, Bools
from models.report.baselines import Baselines
from models.report.marks import Mark

BASELINES = ("prior", "no_change", "qi")
"""Rows of every table; many a published model loses to them."""

BLOCK_HORIZONS = 10
SEED = 7
LAG_BINS = 20


def evaluate(
    answers: Answers, spec: LabelSpec, marks: Sequence[Mark], sources: dict[str, Any]
) -> dict[str, Any]:
    """sources: where the log was read, as it is to be told."""
    bases = baselines.baselines(answers)
    every = np.ones(len(answers), dtype=np.bool_)
    versions = ordered(answers)
    return {
        "label": {"name": spec.name, "horizon_ns": spec.horizon_ns, "hash": spec.hash},
        "sources": sources,
        "dataset_sha256": dataset_sha256(answers),
        "vectors": len(answers),
        "symbols": sorted(set(answers.symbol.tolist())),
        "from": int(answers.t0.min()) if len(answers) else None,
        "to": int(answers.known_at.max()) if len(answers) else None,
        "versions": _versions(answers, versions),
        "pooled": {name: _with_interval(answers, name, bases, every, spec) for name in versions},
        "by_symbol": {
            symbol: {
                name: figures.figures(answers, name, bases, answers.symbol == symbol)
                for name in versions
            }
            for symbol in sorted(set(answers.symbol.tolist()))
        },
        "decisions": _decisions(answers, bases),
        "cumulative": {
            name: figures.cumulative(answers, name, bases, figures.WINDOWS[0]) for name in versions
        },
        "windows": {
            str(size): {name: figures.windows(answers, name, bases, size) for name in versions}
            for size in figures.WINDOWS
        },
        "reliability": {name: _reliability(answers, name) for name in versions},
        "label_states": dict(sorted(Counter(answers.state.tolist()).items())),
        "abstained": {
            name: dict(sorted(found.items())) for name, found in answers.abstained.items()
        },
        "label_lag_ms": _lag(answers, spec),
        "earnings": {name: _earnings(answers, name) for name in versions},
        "marks": [mark._asdict() for mark in marks],
    }


def ordered(answers: Answers) -> list[str]:
    """What was served, the baselines, then all others."""
    first = [SERVED, *BASELINES]
    return [name for name in first if name in answers.p] + [
        name for name in answers.p if name not in first
    ]


def dataset_sha256(answers: Answers) -> str:
    """Of all that was scored: every label and every answer, to the bit."""
    digest = hashlib.sha256()
    for texts in (answers.symbol, answers.state, answers.champion):
        digest.update("\n".join(texts.tolist()).encode())
    for column in (answers.t0, answers.known_at, answers.y, answers.r_bps, answers.cost_bps):
        digest.update(np.ascontiguousarray(column).tobytes())
    for name, p in sorted(answers.p.items()):
        digest.update(name.encode() + p.tobytes())
    return digest.hexdigest()


def _versions(answers: Answers, versions: Sequence[str]) -> dict[str, Any]:
    served = Counter(answers.champion.tolist())
    return {
        name: {"learned": answers.learned.get(name, 0), "served": served.get(name, 0)}
        for name in versions
    }


def _with_interval(
    answers: Answers, version: str, bases: Baselines, rows: Bools, spec: LabelSpec
) -> dict[str, Any]:
    block_ns = BLOCK_HORIZONS * spec.horizon_ns
    interval = figures.auc_interval(answers, version, block_ns, SEED)
    return {**figures.figures(answers, version, bases, rows), "auc_interval": interval}


def _decisions(answers: Answers, bases: Baselines) -> dict[str, float | None]:
    """How often the plain decisions were right, with labels known by then."""
    found: dict[str, float | None] = {}
    for name, decisions in bases._asdict().items():
        some = answers.labelled & (decisions >= 0)
        found[name] = float(np.mean(decisions[some] == answers.y[some])) if some.any() else None
    return found


def _reliability(answers: Answers, version: str) -> list[dict[str, Any]]:
    chosen = answers.answered(version)
    bins = skill.reliability(answers.p[version][chosen], answers.y[chosen])
    return [each._asdict() for each in bins]


def _lag(answers: Answers, spec: LabelSpec) -> dict[str, Any]:
    """How much later than its horizon a label became known, over those that ended with a return."""
    known = ~np.isnan(answers.r_bps)
    lag = (answers.known_at - answers.t0 - spec.horizon_ns)[known] / 1e6
    if not len(lag):
        return {"counts": [], "edges": []}
    counts, edges = np.histogram(lag, bins=LAG_BINS)
    return {
        "median": float(np.median(lag)),
        "p99": float(np.percentile(lag, 99)),
        "max": float(lag.max()),
        "counts": counts.tolist(),
        "edges": edges.tolist(),
    }


def _earnings(answers: Answers, version: str) -> dict[str, Any]:
    span = int(answers.known_at.max() - answers.t0.min()) if len(answers) else 0
    return {
        "always": earnings.earnings(
            earnings.positions(answers, version, only_above_cost=False), span
        ),
        "above_cost": earnings.earnings(
            earnings.positions(answers, version, only_above_cost=True), span
        ),
    }
