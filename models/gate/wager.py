"""Evidence by betting: a wealth that a version without merit cannot make grow, whenever one looks at it.

Each label is a bet on the newcomer; under "not better" the expected gain is at most 0, so the wealth is a
supermartingale and exceeds 1/alpha at any time with a chance of at most alpha (Ville 1939). The stake follows the
earlier gains (Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting", 2024).
"""

import math
from collections.abc import Iterable, Mapping

import msgspec

from models.gate.settings import GateSettings


class Wager(msgspec.Struct, array_like=True):
    """One symbol's bets. total, squares: sums of the gains so far and of their squares; each gain lies in [-1, 1]."""

    bets: int = 0
    total: float = 0.0
    squares: float = 0.0
    log_wealth: float = 0.0


def gain(old: float, new: float, up: bool) -> float:
    """How much nearer the newcomer's p was, by the Brier score, as a share of the most it could have been."""
    spread = abs(old - new) * max(old + new, 2 - old - new)
    outcome = 1.0 if up else 0.0
    return ((old - outcome) ** 2 - (new - outcome) ** 2) / spread


def is_bet(old: float | None, new: float | None, settings: GateSettings) -> bool:
    """Whether both answered and differ enough for a label to tell them apart."""
    return old is not None and new is not None and abs(old - new) >= settings.difference_min


def bet(wager: Wager, gained: float, settings: GateSettings) -> None:
    """Settle one label; the stake comes from the earlier ones alone. gained: in [-1, 1]."""
    assert -1.000001 <= gained <= 1.000001, "a stake of at most a half cannot ruin"
    wager.log_wealth += math.log1p(stake(wager, settings) * gained)
    wager.bets += 1
    wager.total += gained
    wager.squares += gained * gained


def stake(wager: Wager, settings: GateSettings) -> float:
    """mean / (variance + mean²) of the gains, pseudo-observations of mean 0 among them, from 0 to `stake_max`.

    variance + mean² is the mean square, so the counts cancel.
    """
    squares = settings.pseudo_labels * settings.pseudo_variance + wager.squares
    return min(max(wager.total / squares, 0.0), settings.stake_max)


def evidence(wagers: Mapping[str, Wager], symbols: Iterable[str]) -> float:
    """The mean of the symbols' wealths: valid however they correlate, where the symbols were fixed at the start."""
    logs = [wagers[symbol].log_wealth if symbol in wagers else 0.0 for symbol in symbols]
    if not logs:
        return 1.0
    highest = max(logs)
    return (
        math.exp(min(highest, 700.0)) * math.fsum(math.exp(x - highest) for x in logs) / len(logs)
    )


def threshold(order: int, settings: GateSettings) -> float:
    """1/alpha_j of the j-th candidate since the champion took over; all alpha_j together are alpha."""
    assert order >= 1, "candidates are numbered from 1"
    return math.pi**2 * order**2 / (6 * settings.alpha)
