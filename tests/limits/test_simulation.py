"""Loss simulation, correlation, clusters and bars against their definitions in fractions."""

from fractions import Fraction
from statistics import mean

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams import money
from streams.ids import Ref
from tables import bars, clusters, simulation
from tables.account_tables import AccountTables
from tables.bars import BARS_KEPT, HOUR_NS, Bars
from tables.marks import View
from tables.profiles import SHIPPED
from tables.simulation import COARSE, Tails

FEW = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
RETURNS = st.integers(-300_000_000, 300_000_000)


def row(returns: list[int], first: int = 0) -> Bars:
    return Bars(first + len(returns), 1, tuple(range(first, first + len(returns))), tuple(returns))


def test_cvar_is_the_mean_of_the_worst_thirteen_of_250() -> None:
    column = [-number * 1_000_000 for number in range(250)]
    found = simulation.tails([1_000 * money.UNIT], [column])
    assert found == Tails(cvar95=243 * money.UNIT, var95=237 * money.UNIT, var99=247 * money.UNIT)


def test_short_loses_what_long_wins() -> None:
    column = [number * 1_000_000 for number in range(100)]
    assert simulation.tails([-100 * money.UNIT], [column]) == Tails(
        cvar95=97 * money.UNIT // 10, var95=95 * money.UNIT // 10, var99=99 * money.UNIT // 10
    )


def test_hedged_portfolio_loses_nothing() -> None:
    column = [number * 1_000_000 - 50_000_000 for number in range(100)]
    amounts = [100 * money.UNIT, -100 * money.UNIT]
    assert simulation.tails(amounts, [column, column]) == Tails(0, 0, 0)


def test_59_bars_say_nothing() -> None:
    assert simulation.tails([1], [[0] * 59]) is None
    assert simulation.tails([1], [[0] * 60]) is not None
    assert simulation.tails([], []) is None


@FEW
@given(
    st.lists(st.tuples(RETURNS, RETURNS, RETURNS), min_size=60, max_size=120),
    st.tuples(*[st.integers(-(10**6), 10**6)] * 3),
)
def test_tails_follow_their_definition(
    returns: list[tuple[int, int, int]], amounts: tuple[int, int, int]
) -> None:
    columns = [list(column) for column in zip(*returns, strict=True)]
    found = simulation.tails([amount * COARSE for amount in amounts], columns)
    assert found is not None
    losses = sorted((_loss(amounts, bar) for bar in returns), reverse=True)
    worst = -(-len(returns) * 5 // 100)
    assert Fraction(found.var95, money.UNIT) == losses[worst - 1]
    assert Fraction(found.var99, money.UNIT) == losses[-(-len(returns) // 100) - 1]
    above = Fraction(found.cvar95, money.UNIT) - mean(losses[:worst])
    assert 0 <= above < Fraction(1, 10**11)


@FEW
@given(
    st.lists(st.tuples(RETURNS, RETURNS, RETURNS), min_size=60, max_size=120),
    st.tuples(*[st.integers(-(10**24), 10**24)] * 3),
)
def test_parts_lose_no_less_than_the_whole(
    returns: list[tuple[int, int, int]], amounts: tuple[int, int, int]
) -> None:
    rows = tuple(row(list(column)) for column in zip(*returns, strict=True))
    history = simulation.Simulation().history(("a", "b", "c"), rows, 250)
    whole, parts = simulation.tails(amounts, history.columns), simulation.bound(amounts, history)
    assert whole is not None and parts is not None
    assert all(part >= lost for part, lost in zip(parts, whole, strict=True))


def test_bound_of_one_symbol_is_its_own_tail() -> None:
    column = [-number * 1_000_000 for number in range(100)]
    history = simulation.Simulation().history(("a",), (row(column),), 250)
    parts = simulation.bound([1_000 * money.UNIT], history)
    whole = simulation.tails([1_000 * money.UNIT], [column])
    assert parts is not None and whole is not None
    assert parts.cvar95 == whole.cvar95 + COARSE
    assert simulation.bound([1], simulation.Simulation().history(("a",), (Bars(),), 250)) is None


def _loss(amounts: tuple[int, ...], bar: tuple[int, ...]) -> Fraction:
    """Of hundredths of a unit in one hour."""
    parts = (Fraction(a, 100) * Fraction(r, 10**9) for a, r in zip(amounts, bar, strict=True))
    return -sum(parts, Fraction(0))


@FEW
@given(st.lists(st.tuples(RETURNS, RETURNS), min_size=60, max_size=80))
def test_correlation_follows_its_definition(returns: list[tuple[int, int]]) -> None:
    first, second = ([Fraction(r) for r in column] for column in zip(*returns, strict=True))
    mean1, mean2 = mean(first), mean(second)
    covariance = sum((a - mean1) * (b - mean2) for a, b in zip(first, second, strict=True))
    variances = sum((a - mean1) ** 2 for a in first) * sum((b - mean2) ** 2 for b in second)
    found = simulation.correlation([int(r) for r in first], [int(r) for r in second])
    expected = covariance**2 * 10**8 // variances if covariance > 0 else 0
    assert found == expected


@pytest.mark.parametrize("sign", [1, -1])
def test_equal_series_correlate_fully_and_opposite_ones_not_at_all(sign: int) -> None:
    series = [number % 7 for number in range(60)]
    assert simulation.correlation(series, [sign * r for r in series]) == (10**8 if sign > 0 else 0)
    assert simulation.correlation(series[:59], series[:59]) is None
    assert simulation.correlation(series, [3] * 60) == 0


def test_only_common_hours_count() -> None:
    first, second = row([1, 2, 3, 4], first=10), row([5, 6, 7, 8], first=12)
    assert simulation.aligned([first, second]) == [(3, 4), (5, 6)]
    assert simulation.aligned([first, first]) == [first.returns, first.returns]


def test_memory_follows_the_bars() -> None:
    memory = simulation.Simulation()
    old, new = row([1] * 60), row([2] * 60)
    assert memory.history(("a",), (old,), 250).columns == [old.returns]
    assert memory.history(("a",), (new,), 250).columns == [new.returns]
    assert memory.history(("a",), (new,), 50).columns == [new.returns[-50:]]
    wave, still = row([1, -1] * 30), row([1] * 60)
    assert memory.squared("a", "b", (wave, wave), 250) == 10**8
    assert memory.squared("a", "b", (wave, still), 250) == 0


def test_accounts_that_look_back_differently_far_share_no_correlation() -> None:
    parted_then_joined = row([1, -1] * 30 + [1, -1] * 30), row([-1, 1] * 30 + [1, -1] * 30)
    far_first, near_first = simulation.Simulation(), simulation.Simulation()
    asked = {most: far_first.squared("a", "b", parted_then_joined, most) for most in (120, 60)}
    assert asked == {120: 0, 60: 10**8}
    assert {
        most: near_first.squared("a", "b", parted_then_joined, most) for most in (60, 120)
    } == asked


def test_symbols_are_joined_through_others() -> None:
    """a moves with b and b with c, but a hardly with c: they are one cluster all the same; d is alone."""
    tables = AccountTables(0)
    base = [(-1) ** n * 100 for n in range(120)]
    slow = [(-1) ** (n // 2) * 52 for n in range(120)]
    series = {"a": base, "b": [x + y for x, y in zip(base, slow, strict=True)],
              "c": [x + 2 * y for x, y in zip(base, slow, strict=True)],
              "d": [-x for x in base]}  # fmt: skip
    for name, returns in series.items():
        tables.guards.bars.put(name, row(returns))
    squared = tables.guards.simulation.squared
    least = SHIPPED["default"].correlation_bps ** 2
    assert (squared("a", "c", (row(series["a"]), row(series["c"])), 250) or 0) < least
    limits = SHIPPED["default"]
    assert clusters.joined("a", "abcd", tables, limits) == set("abc")
    assert clusters.joined("c", "abcd", tables, limits) == set("abc")
    assert clusters.joined("d", "abcd", tables, limits) == {"d"}
    assert clusters.joined("d", "d", tables, limits) == {"d"}


def test_symbols_without_a_history_are_one_cluster() -> None:
    assert clusters.joined("x", "xyz", AccountTables(0), SHIPPED["default"]) == set("xyz")


def view(hour: Fraction | int, price: int) -> View:
    return View(2 * price, "live", int(hour * HOUR_NS), Ref("market.quotes", 0, 0))


def test_hour_closes_with_its_last_mark() -> None:
    half = Fraction(1, 2)
    marks = [
        view(5, 90),
        view(5 + half, 100),
        view(6, 120),
        view(6 + half, 101),
        view(7 + half, 99),
    ]
    known = Bars()
    for before, mark in zip(marks, marks[1:], strict=False):
        if bars.closes(before, mark):
            known = bars.close(known, before)
    assert known == Bars(6, 202, (6,), (10_000_000,))


def test_hour_without_marks_has_no_return_and_neither_has_the_next() -> None:
    known = Bars(5, 200, (5,), (7,))
    known = bars.close(known, view(7, 110))
    assert known == Bars(7, 220, (5,), (7,))
    known = bars.close(known, view(8, 121))
    assert known == Bars(8, 242, (5, 8), (7, 100_000_000))
    assert bars.close(known, view(8, 1)) is known


def test_history_is_bounded() -> None:
    known = Bars()
    for hour in range(1, 400):
        known = bars.close(known, view(hour, 100))
    assert (len(known.hours), known.hours[-1], len(known.returns)) == (BARS_KEPT, 399, BARS_KEPT)
