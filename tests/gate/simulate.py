"""Many bettors at once over columns of answers: a twin of `models.gate.wager` for a thousand markets."""

from typing import Any

import numpy as np

from models.gate.settings import GateSettings

Array = np.ndarray[Any, np.dtype[np.float64]]


def gains(old: Array, new: Array, up: Array) -> Array:
    """The gain of each label; nan where there is no bet."""
    spread = np.abs(old - new) * np.maximum(old + new, 2 - old - new)
    bets = np.abs(old - new) >= GateSettings().difference_min
    return np.where(bets, ((old - up) ** 2 - (new - up) ** 2) / np.where(bets, spread, 1), np.nan)


def log_wealth(of: Array) -> Array:
    """Of gains (runs, labels) the log wealth after each label."""
    settings = GateSettings()
    total = np.zeros(of.shape[0])
    squares = np.full(of.shape[0], settings.pseudo_labels * settings.pseudo_variance)
    wealth = np.zeros(of.shape)
    now = np.zeros(of.shape[0])
    for label in range(of.shape[1]):
        gained = np.nan_to_num(of[:, label])
        now = now + np.log1p(np.clip(total / squares, 0, settings.stake_max) * gained)
        total, squares = total + gained, squares + gained**2
        wealth[:, label] = now
    return wealth


def evidence(of: Array) -> Array:
    """Of gains (symbols, runs, labels) the mean wealth of the symbols after each label."""
    wealth: Array = np.mean([np.exp(log_wealth(symbol)) for symbol in of], axis=0)
    return wealth


def found_after(evidence: Array, threshold: float) -> Array:
    """Of each run the number of labels to the threshold; inf where it never came there."""
    over = evidence >= threshold
    return np.where(over.any(axis=1), over.argmax(axis=1) + 1.0, np.inf)
