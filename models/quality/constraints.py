"""Kinds of constraints on a frame, each checked on whole columns; `suite` makes Great Expectations' twin of each.

As there, what is missing breaks only the constraint that it is present; the others look past it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

import numpy as np

Column = np.ndarray[Any, Any]
Frame = Mapping[str, Column]
Value = int | float | Decimal
SHOWN = 5
"""So many of the values that break a constraint are told."""


class Constraint(Protocol):
    """What must hold of a frame, under the name it is reported by."""

    @property
    def name(self) -> str: ...

    def broken(self, frame: Frame) -> str | None:
        """What was observed where it does not hold, else None. KeyError where a column is missing."""


@dataclass(frozen=True)
class Columns:
    """Exactly these columns, in this order."""

    wanted: tuple[str, ...]
    name: str = "columns"

    def broken(self, frame: Frame) -> str | None:
        return None if tuple(frame) == self.wanted else f"{list(frame)}"


@dataclass(frozen=True)
class Rows:
    """So many rows, both bounds included."""

    low: int
    high: int | None = None
    name: str = "rows"

    def broken(self, frame: Frame) -> str | None:
        count = len(next(iter(frame.values())))
        fits = self.low <= count and (self.high is None or count <= self.high)
        return None if fits else f"{count} rows"


@dataclass(frozen=True)
class Present:
    """No value is missing."""

    column: str

    @property
    def name(self) -> str:
        return f"{self.column} present"

    def broken(self, frame: Frame) -> str | None:
        count = int(missing(frame[self.column]).sum())
        return f"{count} missing" if count else None


@dataclass(frozen=True)
class Between:
    """Values within bounds, in at least the share `mostly` of the rows. above: `low` itself is out of bounds."""

    column: str
    low: Value | None = None
    high: Value | None = None
    above: bool = False
    mostly: float = 1.0
    label: str = ""

    @property
    def name(self) -> str:
        return self.label or f"{self.column} in range"

    def broken(self, frame: Frame) -> str | None:
        values = present(frame[self.column])
        out = np.zeros(len(values), bool)
        if self.low is not None:
            out |= (values <= self.low) if self.above else (values < self.low)
        if self.high is not None:
            out |= values > self.high
        return told(values, out, self.mostly)


@dataclass(frozen=True)
class Above:
    """`column` is greater than `other`, or equal where ties may be."""

    column: str
    other: str
    ties: bool = True

    @property
    def name(self) -> str:
        return f"{self.column} {'>=' if self.ties else '>'} {self.other}"

    def broken(self, frame: Frame) -> str | None:
        left, right = frame[self.column], frame[self.other]
        there = ~(missing(left) | missing(right))
        left, right = left[there], right[there]
        return told(left, (left < right) if self.ties else (left <= right))


@dataclass(frozen=True)
class OneOf:
    """Every value is one of these."""

    column: str
    values: tuple[str | int, ...]

    @property
    def name(self) -> str:
        return f"{self.column} in set"

    def broken(self, frame: Frame) -> str | None:
        values = present(frame[self.column])
        return told(values, ~np.isin(values, np.array(self.values, values.dtype)))


@dataclass(frozen=True)
class Unique:
    """No two rows have the same values in these columns."""

    columns: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{', '.join(self.columns)} unique"

    def broken(self, frame: Frame) -> str | None:
        rows = list(zip(*(frame[column].tolist() for column in self.columns), strict=True))
        rows = [row for row in rows if None not in row]
        twice = len(rows) - len(set(rows))
        return f"{twice} repeated" if twice else None


@dataclass(frozen=True)
class Mean:
    """The mean of a column lies within bounds."""

    column: str
    low: float = 0.0
    high: float = 1.0
    label: str = ""

    @property
    def name(self) -> str:
        return self.label or f"mean of {self.column}"

    def broken(self, frame: Frame) -> str | None:
        values = present(frame[self.column]).astype(np.float64)
        if not len(values):
            return "no values"
        mean = float(values.mean())
        return None if self.low <= mean <= self.high else f"{mean:.6g}"


@dataclass(frozen=True)
class Distinct:
    """So many different values: two at least is a spread above zero, which rounding cannot feign."""

    column: str
    low: int = 1
    high: int | None = None
    label: str = ""

    @property
    def name(self) -> str:
        return self.label or f"{self.column} distinct"

    def broken(self, frame: Frame) -> str | None:
        count = len(set(present(frame[self.column]).tolist()))
        fits = self.low <= count and (self.high is None or count <= self.high)
        return None if fits else f"{count} different values"


def missing(column: Column) -> Column:
    """Where a column has no value: None, or NaN in floats."""
    if column.dtype == object:
        return np.array([value is None for value in column.tolist()], bool)
    return np.isnan(column) if column.dtype.kind == "f" else np.zeros(len(column), bool)


def present(column: Column) -> Column:
    """The values of a column that are there."""
    gone = missing(column)
    return column[~gone] if gone.any() else column


def told(values: Column, out: Column, mostly: float = 1.0) -> str | None:
    """How many values are out of order and the first of them; None where few enough are."""
    count = int(out.sum())
    if not count or (len(values) - count) / len(values) >= mostly:
        return None
    first: Sequence[object] = values[out][:SHOWN].tolist()
    return f"{count} of {len(values)}: {', '.join(map(str, first))}"
