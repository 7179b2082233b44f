"""Measures of a curve of returns. Returns are simple, of equal intervals; a measure that nothing defines is None.

Conventions are those of empyrical: no risk-free rate, sample deviation (n - 1) for Sharpe, the root mean square of
losses over all intervals for Sortino, compound annual growth for Calmar.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist

YEAR_S = 365 * 86_400
"""Markets that never close."""

EXPONENT_MAX = 50.0
"""A minute of luck, compounded over a year, says nothing."""

EULER = 0.5772156649015329
NORMAL = NormalDist()


def returns(equity: Sequence[float], flows: Sequence[float]) -> list[float]:
    """Simple returns between points; flows: what came from outside since the point before, at its value there."""
    pairs = zip(equity, equity[1:], flows[1:], strict=False)
    return [(after - flow) / before - 1 if before else 0.0 for before, after, flow in pairs]


def sharpe(of: Sequence[float], per_year: float) -> float | None:
    """Mean over sample deviation, annualised."""
    deviation = _deviation(of)
    return _mean(of) / deviation * math.sqrt(per_year) if deviation else None


def sortino(of: Sequence[float], per_year: float) -> float | None:
    """Mean over the downside deviation, annualised."""
    downside = math.sqrt(sum(min(r, 0.0) ** 2 for r in of) / len(of)) if of else 0.0
    return _mean(of) / downside * math.sqrt(per_year) if downside else None


def drawdowns(of: Sequence[float]) -> list[float]:
    """How far below its highest point so far the compounded curve stands after each return, as a fraction <= 0."""
    value, high, found = 1.0, 1.0, []
    for each in of:
        value *= 1 + each
        high = max(high, value)
        found.append(value / high - 1)
    return found


def max_drawdown(of: Sequence[float]) -> float:
    """The deepest drawdown, <= 0."""
    return min(drawdowns(of), default=0.0)


def annual(of: Sequence[float], per_year: float) -> float | None:
    """Compound annual growth."""
    if not of:
        return None
    log_growth = sum(math.log1p(each) if each > -1 else -math.inf for each in of)
    exponent = log_growth * per_year / len(of)
    return math.expm1(exponent) if exponent < EXPONENT_MAX else None


def calmar(of: Sequence[float], per_year: float) -> float | None:
    """Compound annual growth over the deepest drawdown."""
    deepest, growth = max_drawdown(of), annual(of, per_year)
    return growth / -deepest if deepest and growth is not None else None


def cvar(of: Sequence[float], tail: float = 0.05) -> float | None:
    """Mean of the worst `tail` of the returns, at least of one."""
    if not of:
        return None
    count = max(1, int(len(of) * tail))
    return _mean(sorted(of)[:count])


def deflated_sharpe(of: Sequence[float], trials: Sequence[float]) -> float | None:
    """Probability that the true Sharpe ratio is above what the best of so many trials shows by luck.

    of: returns of the chosen trial; trials: the Sharpe ratios of all trials, not annualised. Bailey and Lopez de Prado,
    "The Deflated Sharpe Ratio", Journal of Portfolio Management 40(5), 2014, equations 1 and 2.
    """
    deviation = _deviation(of)
    if len(trials) < 2 or len(of) < 3 or not deviation:
        return None
    mean, n = _mean(of), len(of)
    spread = math.sqrt(sum((each - mean) ** 2 for each in of) / n)
    skew = sum((each - mean) ** 3 for each in of) / n / spread**3
    kurtosis = sum((each - mean) ** 4 for each in of) / n / spread**4
    best_by_luck = luck(_deviation(trials), len(trials))
    return probability(mean / deviation, best_by_luck, n, skew=skew, kurtosis=kurtosis)


def luck(deviation: float, trials: int) -> float:
    """The largest Sharpe ratio to expect of so many trials without skill, whose ratios have this deviation."""
    return deviation * (
        (1 - EULER) * NORMAL.inv_cdf(1 - 1 / trials)
        + EULER * NORMAL.inv_cdf(1 - 1 / (trials * math.e))
    )


def probability(
    ratio: float, above: float, returns: int, *, skew: float, kurtosis: float
) -> float | None:
    """That the true Sharpe ratio is above a value, when so many returns show `ratio`; kurtosis: 3 of a normal."""
    variance = 1 - skew * ratio + (kurtosis - 1) / 4 * ratio**2
    if variance <= 0:
        return None
    return NORMAL.cdf((ratio - above) * math.sqrt(returns - 1) / math.sqrt(variance))


def _mean(of: Sequence[float]) -> float:
    return sum(of) / len(of) if of else 0.0


def _deviation(of: Sequence[float]) -> float:
    """Sample deviation; 0 for fewer than two, and where the spread is no more than rounding."""
    if len(of) < 2:
        return 0.0
    mean = _mean(of)
    found = math.sqrt(sum((each - mean) ** 2 for each in of) / (len(of) - 1))
    return found if found > 1e-15 * max(1.0, abs(mean)) else 0.0
