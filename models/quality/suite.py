"""Great Expectations' twin of each kind of constraint; imported by the validating process alone."""

from collections.abc import Sequence
from decimal import Decimal
from importlib import import_module
from typing import Any

from models.quality.constraints import (
    Above,
    Between,
    Columns,
    Constraint,
    Distinct,
    Mean,
    OneOf,
    Present,
    Rows,
    Unique,
)

gxe: Any = import_module(
    "great_expectations.expectations"
)  # its names are not exported to type checkers


def expectation(constraint: Constraint) -> Any:
    """The expectation that fails where the constraint is broken; its meta holds the constraint's name."""
    made = _expectation(constraint)
    made.meta = {"name": constraint.name}
    return made


def expectations(constraints: Sequence[Constraint]) -> list[Any]:
    """One a constraint."""
    return [expectation(constraint) for constraint in constraints]


def _expectation(constraint: Constraint) -> Any:
    match constraint:
        case Columns(wanted):
            return gxe.ExpectTableColumnsToMatchOrderedList(column_list=list(wanted))
        case Rows(low, high):
            return gxe.ExpectTableRowCountToBeBetween(min_value=low, max_value=high)
        case Present(column):
            return gxe.ExpectColumnValuesToNotBeNull(column=column)
        case Between():
            return _between(constraint)
        case Above(column, other, ties):
            return gxe.ExpectColumnPairValuesAToBeGreaterThanB(
                column_A=column,
                column_B=other,
                or_equal=ties,
                ignore_row_if="either_value_is_missing",
            )
        case OneOf(column, values):
            return gxe.ExpectColumnValuesToBeInSet(column=column, value_set=list(values))
        case Unique(columns):
            return gxe.ExpectCompoundColumnsToBeUnique(
                column_list=list(columns), ignore_row_if="any_value_is_missing"
            )
        case Mean(column, low, high):
            return gxe.ExpectColumnMeanToBeBetween(column=column, min_value=low, max_value=high)
        case Distinct(column, low, high):
            return gxe.ExpectColumnUniqueValueCountToBeBetween(
                column=column, min_value=low, max_value=high
            )
    raise TypeError(f"no expectation for {constraint!r}")


def _between(constraint: Between) -> Any:
    return gxe.ExpectColumnValuesToBeBetween(
        column=constraint.column,
        min_value=_plain(constraint.low),
        max_value=_plain(constraint.high),
        strict_min=constraint.above,
        mostly=constraint.mostly,
    )


def _plain(bound: int | float | Decimal | None) -> int | float | None:
    return float(bound) if isinstance(bound, Decimal) else bound
