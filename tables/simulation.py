"""What a portfolio would have lost in each of the last hours: CVaR, VaR, and which symbols move as one.

Historical simulation: every symbol's return of the same hour, so that correlation is kept; nothing is annualised. The
work is done once an hour; an order finds it in memory and multiplies. A portfolio loses at most what its parts lose in
their own worst hours, which is enough for most orders; only one near a limit is simulated as a whole.
"""

from collections.abc import Sequence
from typing import NamedTuple

from tables.bars import RETURN_UNIT, Bars

BARS_MIN = 60
FALLBACK_BPS = 2_000
"""Share of the gross exposure that is taken for lost where fewer bars are common."""

COARSE = 10**16
"""Portfolios are weighed in hundredths of a currency unit: small integers, and an error of one of them a symbol."""

REMEMBERED = 4_096


class Tails(NamedTuple):
    """Losses in money units of one hour: the mean of the worst 5 %, and the best of the worst 5 % and 1 %."""

    cvar95: int
    var95: int
    var99: int


class Units(NamedTuple):
    """What one unit of a symbol lost in its own worst hours (10**-9): mean of the worst 5 % and 1 %, long and short."""

    long95: int
    short95: int
    long99: int
    short99: int


class History(NamedTuple):
    """Symbols over their common bars. rows: what it was made from."""

    rows: tuple[Bars, ...]
    columns: list[tuple[int, ...]]
    units: list[Units]


class Simulation:
    """Aligned returns and correlations, remembered as long as the bars that they come from are the latest."""

    def __init__(self) -> None:
        self._histories: dict[tuple[tuple[str, ...], int], History] = {}
        self._squares: dict[tuple[str, str, int], tuple[Bars, Bars, int | None]] = {}

    def history(self, symbols: tuple[str, ...], rows: tuple[Bars, ...], most: int) -> History:
        """The symbols over the last bars that all have in common, at most `most`."""
        known = self._histories.get((symbols, most))
        if known is None or any(a is not b for a, b in zip(known.rows, rows, strict=True)):
            if len(self._histories) >= REMEMBERED:
                self._histories.clear()
            columns = [column[-most:] for column in aligned(rows)]
            known = History(rows, columns, [units(column) for column in columns])
            self._histories[symbols, most] = known
        return known

    def squared(self, first: str, second: str, rows: tuple[Bars, Bars], most: int) -> int | None:
        """Squared correlation in 10**-8, 0 where it is negative; None for want of common bars."""
        known = self._squares.get((first, second, most))
        if known is None or known[0] is not rows[0] or known[1] is not rows[1]:
            if len(self._squares) >= REMEMBERED:
                self._squares.clear()
            both = [column[-most:] for column in aligned(rows)]
            known = self._squares[first, second, most] = (*rows, correlation(*both))
        return known[2]


def aligned(rows: Sequence[Bars]) -> list[tuple[int, ...]]:
    """The returns of each symbol in the hours that all of them have."""
    hours = rows[0].hours
    if all(row.hours == hours for row in rows):
        return [row.returns for row in rows]
    common = set(hours).intersection(*(row.hours for row in rows))
    return [
        tuple(r for hour, r in zip(row.hours, row.returns, strict=True) if hour in common)
        for row in rows
    ]


def units(column: Sequence[int]) -> Units:
    """The tails of one symbol by itself."""
    ordered = sorted(column)
    worst95, worst99 = _worst(len(column))
    return Units(
        _mean([-change for change in ordered[:worst95]]),
        _mean(ordered[-worst95:]),
        _mean([-change for change in ordered[:worst99]]),
        _mean(ordered[-worst99:]),
    )


def bound(amounts: Sequence[int], history: History) -> Tails | None:
    """No less than `tails`: expected shortfall is subadditive, and a quantile is no larger than the mean beyond it."""
    if len(history.columns[0]) < BARS_MIN:
        return None
    lost95 = lost99 = COARSE * RETURN_UNIT * len(amounts)  # what weighing in COARSE may add
    for amount, unit in zip(amounts, history.units, strict=True):
        long = amount > 0
        lost95 += abs(amount) * (unit.long95 if long else unit.short95)
        lost99 += abs(amount) * (unit.long99 if long else unit.short99)
    most95, most99 = -(-lost95 // RETURN_UNIT), -(-lost99 // RETURN_UNIT)
    return Tails(most95, most95, most99)


def tails(amounts: Sequence[int], columns: Sequence[Sequence[int]]) -> Tails | None:
    """Of a portfolio worth these amounts (money units, signed); None for want of common bars."""
    bars = len(columns[0]) if columns else 0
    if bars < BARS_MIN:
        return None
    if len(columns) == 1:
        amount = amounts[0] // COARSE
        losses = sorted([-amount * change for change in columns[0]], reverse=True)
    else:
        coarse = [amount // COARSE for amount in amounts]
        losses = sorted(
            (-sum(map(int.__mul__, coarse, changes)) for changes in zip(*columns, strict=True)),
            reverse=True,
        )
    worst95, worst99 = _worst(bars)
    scale = COARSE // RETURN_UNIT
    return Tails(
        cvar95=_mean(losses[:worst95]) * scale,
        var95=losses[worst95 - 1] * scale,
        var99=losses[worst99 - 1] * scale,
    )


def _worst(bars: int) -> tuple[int, int]:
    """How many bars are the worst 5 % and the worst 1 %."""
    return -(-bars * 5 // 100), -(-bars // 100)


def _mean(losses: Sequence[int]) -> int:
    """Rounded up."""
    return -(-sum(losses) // max(1, len(losses)))


def correlation(first: Sequence[int], second: Sequence[int]) -> int | None:
    """Squared Pearson correlation in 10**-8 by integer sums, 0 where it is not positive; None below BARS_MIN bars."""
    n = len(first)
    if n < BARS_MIN:
        return None
    sum1, sum2 = sum(first), sum(second)
    covariance = n * sum(map(int.__mul__, first, second)) - sum1 * sum2
    if covariance <= 0:
        return 0
    variances = (n * sum(a * a for a in first) - sum1**2) * (
        n * sum(b * b for b in second) - sum2**2
    )
    return covariance**2 * 10**8 // variances
