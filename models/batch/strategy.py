"""What trading on a version's answers would have earned on its test rows, after costs, one position at a time."""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from models import measures
from models.batch.config import DAY_NS
from models.batch.frame import Frame

HOUR_NS = 3600 * 1_000_000_000
DAYS_MIN = 30
"""Below it returns are summed by hour."""

YEAR_DAYS = 365
"""Markets that never close."""

BPS = 10_000


class Strategy(NamedTuple):
    """Measures of the summed returns; None where nothing defines them. cvar: mean of the worst 5 % of the periods."""

    trades: int
    periods: int
    period: str
    mean_bps: float | None
    sharpe: float | None
    sortino: float | None
    drawdown: float
    cvar: float | None
    total: float


class Trade(NamedTuple):
    """One position from its vector to its label; times in ns, net after costs in bps."""

    opened: int
    closed: int
    net_bps: float


def trades(frame: Frame, p: Sequence[float], mean_abs_bps: float) -> list[Trade]:
    """Positions where the edge, (2p - 1) x the mean size of a return, is larger than the costs; in order of time."""
    found: list[Trade] = []
    free = 0
    columns = zip(
        frame.t0.tolist(), frame.known_at.tolist(), p, frame.r_bps.tolist(), frame.cost_bps.tolist(),
        strict=True,
    )  # fmt: skip
    for t0, known_at, chance, r_bps, cost_bps in columns:
        edge = (2 * chance - 1) * mean_abs_bps
        if t0 < free or abs(edge) <= cost_bps:
            continue
        free = known_at
        found.append(Trade(t0, known_at, (r_bps if edge > 0 else -r_bps) - cost_bps))
    return found


def measure(taken: Sequence[Trade], start: int, end: int) -> Strategy:
    """The measures over all periods of [start, end], those without a trade as well; annualised over 365 days."""
    by_hour = end - start < DAYS_MIN * DAY_NS
    length = HOUR_NS if by_hour else DAY_NS
    returns = _by_period(taken, start, end, length)
    per_year = YEAR_DAYS * DAY_NS / length
    compounded = 1.0
    for each in returns:
        compounded *= 1 + each
    return Strategy(
        trades=len(taken),
        periods=len(returns),
        period="hour" if by_hour else "day",
        mean_bps=sum(trade.net_bps for trade in taken) / len(taken) if taken else None,
        sharpe=measures.sharpe(returns, per_year),
        sortino=measures.sortino(returns, per_year),
        drawdown=measures.max_drawdown(returns),
        cvar=measures.cvar(returns),
        total=compounded - 1,
    )


def _by_period(taken: Sequence[Trade], start: int, end: int, length: int) -> list[float]:
    """Summed by UTC day or hour, as fractions."""
    sums: dict[int, float] = defaultdict(float)
    for trade in taken:
        sums[trade.closed // length] += trade.net_bps / BPS
    return [sums[period] for period in range(start // length, end // length + 1)]
