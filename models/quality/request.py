"""What the validating process is asked, and how a frame reaches it: a line of JSON that names a file of columns."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from models.quality import candles, training
from models.quality.candles import CandleRules
from models.quality.constraints import Column, Constraint, Frame
from models.quality.training import TrainingRules

Rules = CandleRules | TrainingRules
DECIMALS = ("open", "high", "low", "close", "volume")


class Request(msgspec.Struct, frozen=True):
    """Validate the columns in this file by these rules. name: what the page on it is headed."""

    name: str
    columns: str
    rules: Rules


def constraints(rules: Rules) -> list[Constraint]:
    """The constraints of a suite, for the fast check and for Great Expectations alike."""
    if isinstance(rules, CandleRules):
        return candles.constraints(rules)
    return training.constraints(rules)


def prepared(columns: Mapping[str, Column], rules: Rules) -> Frame:
    """The columns and those that are derived from them."""
    if isinstance(rules, CandleRules):
        return candles.prepared(columns, rules)
    return training.prepared(columns)


def save(path: Path, columns: Mapping[str, Column]) -> None:
    """Write columns to a file; those of objects as text, where what is missing is empty."""
    plain: dict[str, Any] = {n: _text(c) if c.dtype == object else c for n, c in columns.items()}
    with path.open("wb") as file:
        np.savez(file, **plain)


def load(path: Path, rules: Rules) -> dict[str, Column]:
    """The columns of a file, as they were saved."""
    with np.load(path, allow_pickle=False) as file:
        columns = {name: file[name] for name in file.files}
    if isinstance(rules, CandleRules):
        return {name: candles.array(_values(name, column)) for name, column in columns.items()}
    return columns


def _text(column: Column) -> Column:
    return np.array(["" if value is None else str(value) for value in column.tolist()], np.str_)


def _values(name: str, column: Column) -> list[Any]:
    read: Callable[[str], Any] = str
    if name in DECIMALS:
        read = Decimal
    if name == "ts":
        read = int
    return [read(text) if text else None for text in column.tolist()]
