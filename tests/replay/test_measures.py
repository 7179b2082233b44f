"""The measures of a curve are those of a library that others wrote, and say nothing where nothing is defined."""

import math
import random
import warnings

import pytest

from models import measures

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # its imports of optional libraries
    import empyrical
    import numpy as np

DAYS = 365
CHANCE = random.Random(3)
CURVES = [
    [CHANCE.gauss(0.0005, 0.01) for _ in range(500)],
    [CHANCE.gauss(-0.001, 0.02) for _ in range(77)],
    [CHANCE.choice([0.01, 0.0, -0.02, 0.03]) for _ in range(60)],
]


@pytest.mark.parametrize("of", CURVES)
def test_they_are_those_of_empyrical(of: list[float]) -> None:
    theirs, year = np.array(of), {"annualization": DAYS}
    for ours, expected in [
        (measures.sharpe(of, DAYS), empyrical.sharpe_ratio(theirs, **year)),
        (measures.sortino(of, DAYS), empyrical.sortino_ratio(theirs, **year)),
        (measures.calmar(of, DAYS), empyrical.calmar_ratio(theirs, **year)),
        (measures.annual(of, DAYS), empyrical.annual_return(theirs, **year)),
        (measures.max_drawdown(of), empyrical.max_drawdown(theirs)),
    ]:
        assert ours == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("of", CURVES)
def test_the_worst_tail_has_the_mean_of_its_returns(of: list[float]) -> None:
    count = int(len(of) * 0.05)
    assert measures.cvar(of) == pytest.approx(np.sort(np.array(of))[:count].mean())


def test_nothing_is_told_of_no_returns_or_of_none_that_vary() -> None:
    for of in ([], [0.01], [0.0] * 20):
        assert measures.sharpe(of, DAYS) is None
    assert measures.sortino([0.01, 0.02], DAYS) is None
    assert measures.calmar([0.01, 0.02], DAYS) is None
    assert measures.cvar([]) is None
    assert measures.max_drawdown([]) == 0.0


def test_what_is_deposited_is_no_return() -> None:
    assert measures.returns([100.0, 210.0, 105.0], [100.0, 110.0, 0.0]) == [0.0, -0.5]


@pytest.mark.parametrize(
    ("trials", "skew", "kurtosis", "told"), [(100, -3, 10, 0.9004), (46, -3, 10, 0.9505)]
)
def test_a_deflated_sharpe_ratio_is_that_of_the_paper(
    trials: int, skew: float, kurtosis: float, told: float
) -> None:
    """Its example: five years of days, an annual ratio of 2.5, and ratios of trials with a variance of 1/2."""
    by_luck = measures.luck(math.sqrt(0.5 / 250), trials)
    found = measures.probability(2.5 / math.sqrt(250), by_luck, 1250, skew=skew, kurtosis=kurtosis)
    assert found == pytest.approx(told, abs=5e-4)
    if trials == 100:
        assert by_luck == pytest.approx(0.1132, abs=5e-5)


def test_more_trials_and_more_luck_deflate_a_ratio() -> None:
    best = [CHANCE.gauss(0.001, 0.01) for _ in range(300)]
    few = measures.deflated_sharpe(best, [0.02, 0.05])
    many = measures.deflated_sharpe(best, [CHANCE.gauss(0.0, 0.05) for _ in range(100)])
    assert few is not None and many is not None
    assert 0 <= many < few <= 1
    assert measures.deflated_sharpe(best, [0.1]) is None
