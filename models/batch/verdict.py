"""Whether a version may ever serve: by what it did on its test rows. Nothing overrides it."""

from collections.abc import Iterable, Mapping
from typing import Any

from models.batch.config import Thresholds
from models.batch.strategy import Strategy

MICRO = "micro"
TOP_FEATURES = 5


def refusals(
    set_name: str,
    auc: float | None,
    strategy: Strategy,
    importance: Mapping[str, float],
    thresholds: Thresholds,
) -> list[str]:
    """Why a version is rejected; nothing where it is not."""
    found = []
    if set_name == MICRO and auc is not None and auc > thresholds.auc_max:
        top = ", ".join(f"{name} {size:.3g}" for name, size in _top(importance))
        found.append(f"leakage_suspected: AUC {auc:.4f} > {thresholds.auc_max} with {top}")
    if auc is None:
        found.append("not_evaluable: one class on test")
    if not strategy.trades or strategy.periods < thresholds.periods_min:
        found.append(f"not_evaluable: {strategy.trades} trades in {strategy.periods} periods")
        return found
    return found + [*_failed(strategy, thresholds)]


def _failed(strategy: Strategy, thresholds: Thresholds) -> Iterable[str]:
    """Those below their thresholds. Without any losing period Sortino's ratio has no bound."""
    lossless = strategy.sortino is None and strategy.total > 0
    measured: dict[str, tuple[Any, float]] = {
        "sharpe": (strategy.sharpe, thresholds.sharpe_min),
        "sortino": (
            thresholds.sortino_min if lossless else strategy.sortino,
            thresholds.sortino_min,
        ),
        "max_drawdown": (strategy.drawdown, thresholds.drawdown_min),
        "cvar95": (strategy.cvar, thresholds.cvar_min),
    }
    for name, (value, least) in measured.items():
        if value is None or value < least:
            yield f"{name}: {'undefined' if value is None else f'{value:.4g}'} < {least}"


def _top(importance: Mapping[str, float]) -> list[tuple[str, float]]:
    return sorted(importance.items(), key=lambda each: -each[1])[:TOP_FEATURES]
