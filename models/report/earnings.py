"""What acting on a version's answers would have earned, before and after costs: one position a symbol at a time."""

from typing import Any, NamedTuple

import numpy as np

from models import measures
from models.report.answers import Answers
from models.skill import Floats, Ints

BPS = 10_000
DAY_NS = 86_400 * 1_000_000_000
Figures = dict[str, Any]


class Positions(NamedTuple):
    """Taken and closed positions in the order in which they closed. closed: ns; gross, cost: bps of the notional."""

    closed: Ints
    gross: Floats
    cost: Floats


def positions(answers: Answers, version: str, *, only_above_cost: bool) -> Positions:
    """From each answer a position in its direction, unless one is open, until the label is known.

    only_above_cost: where (2p - 1) x the mean size of the returns known so far is larger than the costs; else always.
    """
    p = answers.p[version]
    usable = ~np.isnan(p) & ~np.isnan(answers.r_bps) & np.isin(answers.state, ("labelled", "flat"))
    known = _mean_size(answers)
    rows: list[int] = []
    free: dict[str, int] = {}
    for row in np.flatnonzero(usable)[np.argsort(answers.t0[usable], kind="stable")].tolist():
        symbol, t0 = str(answers.symbol[row]), int(answers.t0[row])
        edge = abs(2 * p[row] - 1) * known[row]
        if t0 < free.get(symbol, t0) or (only_above_cost and not edge > answers.cost_bps[row]):
            continue
        free[symbol] = int(answers.known_at[row])
        rows.append(row)
    taken = np.array(sorted(rows), dtype=np.int64)
    side = np.where(p[taken] > 0.5, 1.0, -1.0)
    return Positions(answers.known_at[taken], side * answers.r_bps[taken], answers.cost_bps[taken])


def earnings(taken: Positions, span_ns: int) -> Figures:
    """In bps of the notional. turnover: notionals traded in a day; drawdown: of the compounded net returns."""
    net = taken.gross - taken.cost
    count = len(net)
    return {
        "positions": count,
        "gross_bps": float(taken.gross.sum()),
        "cost_bps": float(taken.cost.sum()),
        "net_bps": float(net.sum()),
        "gross_mean_bps": float(taken.gross.mean()) if count else None,
        "cost_mean_bps": float(taken.cost.mean()) if count else None,
        "net_mean_bps": float(net.mean()) if count else None,
        "turnover_a_day": 2 * count * DAY_NS / span_ns if span_ns else None,
        "drawdown": measures.max_drawdown((net / BPS).tolist()),
    }


def _mean_size(answers: Answers) -> Floats:
    """Of the returns of the symbol that were known when each vector was answered; 0 where none was."""
    found = np.zeros(len(answers))
    for symbol in np.unique(answers.symbol):
        rows = np.flatnonzero(answers.symbol == symbol)
        known = rows[~np.isnan(answers.r_bps[rows])]
        count = np.searchsorted(answers.known_at[known], answers.t0[rows], side="right")
        total = np.concatenate([[0.0], np.cumsum(np.abs(answers.r_bps[known]))])
        found[rows] = total[count] / np.maximum(count, 1)
    return found
