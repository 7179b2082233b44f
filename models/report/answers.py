"""The logged answers of one model as columns, in the order in which their labels became known."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from models.skill import Floats, Ints
from streams.predictions import Example

Texts = np.ndarray[Any, np.dtype[np.str_]]
Bools = np.ndarray[Any, np.dtype[np.bool_]]
NO_LABEL = -1
SERVED = "served"
"""What was acted on, as if it were a version."""


@dataclass(frozen=True, eq=False)
class Answers:
    """Columns of equal length by (known_at, t0, symbol), one row a vector.

    t0, known_at, late: ns, late = known_at - t0 - elapsed horizon's end; state: of the label; y: 1, 0 or NO_LABEL;
    r_bps: NaN where none; p: by version, NaN where it abstained; champion: the version that served; abstained: by
    version and reason; learned: by version, of its last answer; places: partition and offset of each vector.
    """

    symbol: Texts
    t0: Ints
    known_at: Ints
    state: Texts
    y: Ints
    r_bps: Floats
    cost_bps: Floats
    champion: Texts
    p: dict[str, Floats]
    places: Ints
    abstained: dict[str, Counter[str]] = field(default_factory=dict)
    learned: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.t0)

    @property
    def labelled(self) -> Bools:
        """The rows that have a class."""
        found: Bools = self.y != NO_LABEL
        return found

    def answered(self, version: str) -> Bools:
        """The labelled rows that a version has answered."""
        found: Bools = self.labelled & ~np.isnan(self.p[version])
        return found


def collect(examples: Iterable[Example]) -> Answers:
    """The columns. Lanes of one vector become one row; what was read twice counts once."""
    merged: dict[tuple[int, int, str, int, int], list[Example]] = defaultdict(list)
    for example in examples:
        _, partition, offset = example.features_ref
        key = (example.known_at, example.time, example.symbol, partition, offset)
        merged[key].append(example)
    rows = [merged[key] for key in sorted(merged)]
    firsts = [lanes[0] for lanes in rows]
    p, abstained, learned = _by_version(rows)
    return Answers(
        symbol=np.array([row.symbol for row in firsts], dtype=np.str_),
        t0=np.array([row.time for row in firsts], dtype=np.int64),
        known_at=np.array([row.known_at for row in firsts], dtype=np.int64),
        state=np.array([row.state for row in firsts], dtype=np.str_),
        y=np.array([_class(row) for row in firsts], dtype=np.int64),
        r_bps=np.array([_number(row.r_bps) for row in firsts]),
        cost_bps=np.array([row.cost_bps for row in firsts], dtype=np.float64),
        champion=np.array([_champion(lanes) for lanes in rows], dtype=np.str_),
        p=p,
        places=np.array([row.features_ref[1:] for row in firsts], dtype=np.int64).reshape(-1, 2),
        abstained=abstained,
        learned=learned,
    )


def _by_version(
    rows: list[list[Example]],
) -> tuple[dict[str, Floats], dict[str, Counter[str]], dict[str, int]]:
    p: dict[str, Floats] = {SERVED: np.full(len(rows), np.nan)}
    abstained: dict[str, Counter[str]] = defaultdict(Counter)
    learned: dict[str, int] = {}
    for row, lanes in enumerate(rows):
        for lane in lanes:
            if lane.p is not None:
                p[SERVED][row] = lane.p
            for answer in lane.outputs:
                if answer.version not in p:
                    p[answer.version] = np.full(len(rows), np.nan)
                if answer.p is not None:
                    p[answer.version][row] = answer.p
                else:
                    abstained[answer.version][answer.abstain] += 1
                learned[answer.version] = answer.learned
    return dict(sorted(p.items())), dict(sorted(abstained.items())), dict(sorted(learned.items()))


def _champion(lanes: list[Example]) -> str:
    return next((lane.version for lane in lanes if lane.version), "")


def _class(example: Example) -> int:
    return NO_LABEL if example.state != "labelled" or example.y is None else example.y


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
