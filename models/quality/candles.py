"""What must hold of a chunk of bars before it is stored, and the columns by which it is checked."""

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np

from models.quality.constraints import (
    Above,
    Between,
    Column,
    Columns,
    Constraint,
    Frame,
    Mean,
    OneOf,
    Present,
    Rows,
    Unique,
)
from streams.bars import Candle, interval_ns

GIVEN = Candle.__struct_fields__

DERIVED = ("lowest", "step", "offset", "ends", "move", "hollow", "off_tick")
MISSING_SHARE_MAX = 0.02
HOLLOW_SHARE_MAX = 0.05
MOVE_MAX = 0.5
MOVE_MOSTLY = 0.999


class CandleRules(msgspec.Struct, frozen=True, tag="candles"):
    """What a chunk [since, until) of bars was asked for; times in ns.

    as_of: what had not closed by then must not be there. tick: of the venue, "" where it has none. Volume may be
    missing where the source has none. bars_max, bars_min: how many the range holds, and how many suffice.
    """

    symbol: str
    interval: str
    source: str
    since: int
    until: int
    as_of: int
    tick: str = ""
    has_volume: bool = True

    @property
    def interval_ns(self) -> int:
        return interval_ns(self.interval)

    @property
    def bars_max(self) -> int:
        return (self.until - self.since) // self.interval_ns

    @property
    def bars_min(self) -> int:
        return math.ceil(self.bars_max * (1 - MISSING_SHARE_MAX))


def constraints(rules: CandleRules) -> list[Constraint]:
    """All of a chunk's. That the high is no lower than the low follows from both lying on their side of the open."""
    needed = [name for name in GIVEN if name != "volume" or rules.has_volume]
    return [
        Columns((*GIVEN, *DERIVED)),
        Rows(rules.bars_min, rules.bars_max),
        *(Present(name) for name in needed),
        OneOf("symbol", (rules.symbol,)),
        OneOf("interval", (rules.interval,)),
        OneOf("source", (rules.source,)),
        Between("lowest", 0, above=True, label="prices positive"),
        Between("volume", 0, label="volume not negative"),
        Above("high", "open"),
        Above("high", "close"),
        Above("open", "low"),
        Above("close", "low"),
        Unique(("symbol", "interval", "ts", "source")),
        Between("step", 0, label="ts in order"),
        Between("offset", 0, 0, label="ts aligned"),
        Between("ts", rules.since, rules.until - 1),
        Between("ends", high=rules.as_of, label="closed"),
        Between("move", high=MOVE_MAX, mostly=MOVE_MOSTLY, label="move from bar to bar"),
        Mean("hollow", high=HOLLOW_SHARE_MAX, label="share of hollow bars"),
        Between("off_tick", 0, 0, label="whole ticks"),
    ]


def prepared(columns: Mapping[str, Column], rules: CandleRules) -> Frame:
    """The columns with those that are derived from them."""
    ts = _column(columns, "ts")
    closes = _column(columns, "close")
    prices = list(zip(*(_column(columns, name) for name in GIVEN[3:7]), strict=True))
    tick = Decimal(rules.tick or 0)
    derived: dict[str, list[Any]] = {
        "lowest": [min(_there(row), default=None) for row in prices],
        "step": [None, *(_minus(b, a) for a, b in pairwise(ts))] if ts else [],
        "offset": [None if at is None else at % rules.interval_ns for at in ts],
        "ends": [None if at is None else at + rules.interval_ns for at in ts],
        "move": [None, *(_move(a, b) for a, b in pairwise(closes))] if closes else [],
        "hollow": [int(len(set(row)) == 1) for row in prices],
        "off_tick": [sum(p % tick for p in _there(row)) if tick else 0 for row in prices],
    }
    return dict(columns) | {name: array(values) for name, values in derived.items()}


def columns(bars: Sequence[Candle]) -> dict[str, Column]:
    """Bars as a frame."""
    return {name: array([getattr(bar, name) for bar in bars]) for name in GIVEN}


def array(values: Sequence[object]) -> Column:
    """A column of any values, each kept as it is."""
    column = np.empty(len(values), object)
    column[:] = values
    return column


def gaps(columns: Mapping[str, Column], rules: CandleRules) -> list[int]:
    """The opening times (ns) of the bars of a range that are not there."""
    there = set(_column(columns, "ts"))
    return [at for at in range(rules.since, rules.until, rules.interval_ns) if at not in there]


def _column(columns: Mapping[str, Column], name: str) -> list[Any]:
    found = columns.get(name)
    if found is not None:
        return list(found.tolist())
    return [None] * len(next(iter(columns.values()), ()))


def _there(values: Sequence[Decimal | None]) -> list[Decimal]:
    return [value for value in values if value is not None]


def _minus(left: int | None, right: int | None) -> int | None:
    return None if left is None or right is None else left - right


def _move(before: Decimal | None, after: Decimal | None) -> float | None:
    if before is None or after is None or before <= 0 or after <= 0:
        return None
    return abs(math.log(after / before))
