"""From what a run has brought to its results: one table of figures in total, by account and by symbol."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from api.replay.results.collected import Collected, Execution, Point, Trade
from models import measures

Figures = dict[str, Any]
Curve = list[tuple[int, float, float, float]]
"""Time in ms, equity, exposure, flow."""


def summarise(found: Collected) -> Figures:
    """All results as JSON. Amounts: of the accounts' currency; the total is over accounts, which should share one."""
    curve = total(found.points)
    return {
        "total": _figures(curve, found.every_ms, found.executions, found.trades),
        "accounts": {
            account: _figures(
                total(p for p in found.points if p.account == account),
                found.every_ms,
                [e for e in found.executions if e.account == account],
                [t for t in found.trades if t.account == account],
            )
            for account in sorted({point.account for point in found.points})
        },
        "symbols": {
            symbol: {
                **_activity(
                    [e for e in found.executions if e.symbol == symbol], _mean_equity(curve)
                ),
                **_trading([t for t in found.trades if t.symbol == symbol]),
            }
            for symbol in sorted({e.symbol for e in found.executions})
        },
        "decisions": dict(sorted(found.decisions.items())),
        "rejections": dict(sorted(found.rejections.items())),
        "outputs": dict(sorted(found.outputs.items())),
        "open_positions": {
            account: {symbol: qty for symbol, qty in sorted(held.items()) if qty}
            for account, held in sorted(found.qty.items())
        },
    }


def total(points: Iterable[Point]) -> Curve:
    """The sum of accounts, time by time."""
    sums: dict[int, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
    for point in points:
        for place, amount in enumerate((point.equity, point.exposure, point.flow)):
            sums[point.time_ms][place] += amount
    return [(time, *of) for time, of in sorted(sums.items())]  # type: ignore[misc]  # three of them


def _figures(
    curve: Curve, every_ms: int, executions: Sequence[Execution], trades: Sequence[Trade]
) -> Figures:
    of = measures.returns([point[1] for point in curve], [point[3] for point in curve])
    per_year = measures.YEAR_S * 1000 / every_ms
    equity = [point[1] for point in curve]
    flows = sum(point[3] for point in curve[1:])
    return {
        "equity_first": equity[0] if equity else None,
        "equity_last": equity[-1] if equity else None,
        "profit": equity[-1] - equity[0] - flows if equity else None,
        "return": _compounded(of),
        "max_drawdown": measures.max_drawdown(of),
        "sharpe": measures.sharpe(of, per_year),
        "sortino": measures.sortino(of, per_year),
        "calmar": measures.calmar(of, per_year),
        "cvar_5": measures.cvar(of),
        "exposure_mean": _mean([point[2] for point in curve]),
        "exposure_max": max((point[2] for point in curve), default=0.0),
        **_activity(executions, _mean_equity(curve)),
        **_trading(trades),
    }


def _activity(executions: Sequence[Execution], equity: float) -> Figures:
    """slippage: what fills cost against the mid at their orders' decisions; exits have no decision and are left out."""
    notional = sum(e.notional for e in executions)
    decided = [e for e in executions if e.mid]
    slippage = sum(e.side * (e.price - e.mid) / e.price * e.notional for e in decided)
    base = sum(e.notional for e in decided)
    return {
        "fills": len(executions),
        "maker_fills": sum(e.liquidity == "maker" for e in executions),
        "notional": notional,
        "turnover": notional / equity if equity else None,
        "fees": sum(e.fee for e in executions),
        "slippage": slippage,
        "slippage_bps": slippage / base * 10_000 if base else None,
    }


def _trading(trades: Sequence[Trade]) -> Figures:
    nets = [trade.net for trade in trades]
    won, lost = [n for n in nets if n > 0], [n for n in nets if n < 0]
    return {
        "trades": len(trades),
        "hit_rate": len(won) / len(trades) if trades else None,
        "trade_net": sum(nets),
        "trade_mean": _mean(nets),
        "profit_factor": sum(won) / -sum(lost) if lost else None,
        "holding_s_mean": _mean([(t.closed_ms - t.opened_ms) / 1000 for t in trades]),
    }


def _compounded(of: Sequence[float]) -> float:
    value = 1.0
    for each in of:
        value *= 1 + each
    return value - 1


def _mean_equity(curve: Curve) -> float:
    return _mean([point[1] for point in curve]) or 0.0


def _mean(of: Sequence[float]) -> float | None:
    return sum(of) / len(of) if of else None
