"""The fast check: every constraint on whole columns, before Great Expectations is asked."""

from collections.abc import Iterable

from models.quality.constraints import Constraint, Frame
from models.quality.verdict import Result, Verdict


def check(frame: Frame, constraints: Iterable[Constraint]) -> Verdict:
    """The outcome of each constraint. What cannot be compared breaks the constraint that asks."""
    return Verdict(tuple(_result(frame, constraint) for constraint in constraints))


def _result(frame: Frame, constraint: Constraint) -> Result:
    try:
        observed = constraint.broken(frame)
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        observed = f"{type(error).__name__}: {error}"
    return Result(constraint.name, observed is None, observed or "")
