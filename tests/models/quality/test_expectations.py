"""Each expectation broken once fails alone, in the fast check and in Great Expectations."""

from collections.abc import Iterator

import pytest

from models.quality.check import check
from models.quality.request import Rules, constraints, prepared
from models.quality.validator import Validator
from models.quality.verdict import Verdict
from tests.models.quality import frames

CASES = [
    *((frames.CANDLES, frames.bars, name) for name in frames.BROKEN_BARS),
    *((frames.TRAINING, frames.examples, name) for name in frames.BROKEN_EXAMPLES),
]
CHANGES = {frames.CANDLES: frames.BROKEN_BARS, frames.TRAINING: frames.BROKEN_EXAMPLES}
NAMES = [f"{type(rules).__name__}: {name}" for rules, _, name in CASES]
QUICK = (
    "columns",
    "rows",
    "open present",
    "symbol in set",
    "prices positive",
    "high >= open",
    "symbol, interval, ts, source unique",
    "move from bar to bar",
    "share of hollow bars",
    "whole ticks",
    "spread_bps in range",
    "queue_imb moves",
    "known_at > t0",
    "y in set",
    "one set_hash",
)
"""One of each kind of constraint, and of each way it is used; the others follow by the same translation."""

TWINS = [
    pytest.param(rules, name, id=label, marks=[] if name in QUICK else pytest.mark.soak)
    for (rules, _, name), label in zip(CASES, NAMES, strict=True)
]


@pytest.fixture(scope="module")
def validator() -> Iterator[Validator]:
    """One process for all cases, since it takes 5 s to start."""
    with Validator() as process:
        yield process


def fast(columns: frames.Columns, rules: Rules) -> Verdict:
    return check(prepared(columns, rules), constraints(rules))


def broken(rules: Rules, name: str) -> frames.Columns:
    columns = frames.bars() if rules is frames.CANDLES else frames.examples()
    return CHANGES[rules][name](columns) or columns


@pytest.mark.parametrize("rules", [frames.CANDLES, frames.TRAINING], ids=["candles", "training"])
def test_every_expectation_has_a_case_that_breaks_it(rules: Rules) -> None:
    names = {constraint.name for constraint in constraints(rules)}
    if rules is frames.TRAINING:
        names -= {f"{column} present" for column in frames.NEVER_MISSING}
    assert set(CHANGES[rules]) == names


@pytest.mark.quality
def test_a_whole_frame_is_valid(validator: Validator) -> None:
    for rules, columns in (
        (frames.CANDLES, frames.bars()),
        (frames.TRAINING, frames.examples()),
    ):
        name = f"{'candles' if rules is frames.CANDLES else 'training'} whole"
        assert validator.validate(name, columns, rules).reason == ""


@pytest.mark.parametrize(("rules", "name"), [(r, n) for r, _, n in CASES], ids=NAMES)
def test_the_fast_check_tells_the_broken_expectation(rules: Rules, name: str) -> None:
    found = fast(broken(rules, name), rules)
    assert [result.expectation for result in found.broken] == [name]


@pytest.mark.quality
@pytest.mark.parametrize(("rules", "name"), TWINS)
def test_great_expectations_tells_the_same(validator: Validator, rules: Rules, name: str) -> None:
    columns = broken(rules, name)
    found = validator.expect(f"{type(rules).__name__} {name}", columns, rules)
    assert found.error == ""
    assert [result.expectation for result in found.broken] == [name]
    quick = [(result.expectation, result.held) for result in fast(columns, rules).results]
    assert sorted(quick) == sorted((result.expectation, result.held) for result in found.results)
