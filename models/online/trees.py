"""The heavy versions: River's trees and forests, Gaussian naive Bayes, and half-space trees as a guard.

They have no portable export: a state is a mark in the order of lessons, and to restore one is to learn up to the mark.
"""

import hashlib
import math
import platform
import struct
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any

from models import golden
from models.features import NAMES
from models.lean import lean
from models.online import versions
from models.online.adapter import LEARNING

with lean():
    from river import anomaly, ensemble, forest, naive_bayes, preprocessing, tree

MARK = struct.Struct("<4sQQ")
STAMP = b"fold"
GOLDEN_VECTORS = 256
NOVELTY_MAX = 0.9
"""Half-space trees tell the novelty of a vector between 0 and 1. Tan et al. 2011."""

HST_LIMIT = 5.0
FOREST_TREES = 3
STAMPS = (version("river"), version("numpy"), platform.python_version())
"""What a tree of lessons depends on besides them."""


def mark(start: int, end: int) -> bytes:
    """The state that has learned lessons [start, end)."""
    return MARK.pack(STAMP, start, end)


def span(state: bytes) -> tuple[int, int]:
    """The lessons of a mark; none for any other bytes."""
    if len(state) != MARK.size or not state.startswith(STAMP):
        return 0, 0
    _, start, end = MARK.unpack(state)
    return start, end


def seed(version: str, symbol: str) -> int:
    """As many bits of sha256(version | symbol) as every River part takes for a seed."""
    return int.from_bytes(hashlib.sha256(f"{version}|{symbol}".encode()).digest()[:4], "big")


class Tree:
    """One heavy version that has learned the lessons from `start` on."""

    def __init__(self, version: str, symbol: str, start: int) -> None:
        self._version = version
        self._start = self._end = start
        self._ups = 0
        self._scaler = preprocessing.StandardScaler()
        self._model: Any = _MADE[version](seed(version, symbol))
        self.state, self.sound = mark(start, start), True

    @property
    def learned(self) -> int:
        return self._end - self._start

    def predict(self, values: Sequence[float]) -> float | None:
        scaled = self._scaler.transform_one(_named(values))  # type: ignore[no-untyped-call]  # River
        if self._version == versions.HST:
            novel = self._model.score_one(scaled) > NOVELTY_MAX
            return None if novel else (self._ups + 1) / (self.learned + 2)
        p = self._model.predict_proba_one(scaled).get(True)
        return 0.5 if p is None else float(p)

    def learn(self, values: Sequence[float], up: bool, weight: float, known_at: int) -> None:
        self.state = LEARNING
        vector = _named(values)
        self._scaler.learn_one(vector)  # type: ignore[no-untyped-call]  # River
        scaled = self._scaler.transform_one(vector)  # type: ignore[no-untyped-call]  # River
        if self._version == versions.HST:
            self._model.learn_one(scaled)
        else:
            self._model.learn_one(scaled, up)
        self._ups += up
        self._end += 1
        self.state = mark(self._start, self._end)

    def state_hash(self) -> str:
        """sha256 (hex) of its answers to 256 golden vectors and of how much it has learned; it learns nothing."""
        answers = [self.predict(values) for values in golden.vectors(GOLDEN_VECTORS)]
        numbers = [math.nan if p is None else p for p in answers]
        packed = struct.pack(f"<Q{len(numbers)}d", self.learned, *numbers)
        return hashlib.sha256(packed).hexdigest()


def _named(values: Sequence[float]) -> dict[str, float]:
    return dict(zip(NAMES, values, strict=True))


_MADE: dict[str, Callable[[int], Any]] = {
    versions.HT: lambda _: tree.HoeffdingTreeClassifier(),
    versions.HAT: lambda seed: tree.HoeffdingAdaptiveTreeClassifier(seed=seed),
    versions.ARF3: lambda seed: forest.ARFClassifier(n_models=FOREST_TREES, seed=seed),
    versions.SRP: lambda seed: ensemble.SRPClassifier(n_models=FOREST_TREES, seed=seed),
    versions.NB: lambda _: naive_bayes.GaussianNB(),  # type: ignore[no-untyped-call]  # River
    versions.HST: lambda seed: anomaly.HalfSpaceTrees(
        seed=seed, limits=dict.fromkeys(NAMES, (-HST_LIMIT, HST_LIMIT))
    ),
}
