"""The online version `lin`: one River pipeline a symbol, exported as plain numbers after everything it learns."""

import math
import struct
from collections.abc import Sequence

from river import compose, linear_model, optim, preprocessing, utils

from models.features import NAMES, SET_HASH

FORMAT = b"lin1" + bytes.fromhex(SET_HASH)
"""The stamp of an exported state; a state of another format or feature set is learned anew."""

_WIDTH = len(NAMES)
_STATE = struct.Struct(f"<{len(FORMAT)}s{2 + 3 * _WIDTH}d")
"""The stamp, intercept, examples learned, then weights, means and variances in the order of the features."""

FRESH: bytes = _STATE.pack(FORMAT, *[0.0] * (2 + 3 * _WIDTH))
LEARNING = b""

Z_MAX, Z_HIGH, Z_HIGH_COUNT = 8.0, 5.0, 3
"""Out of distribution: any abs(z) above the first, or so many above the second."""


def is_known(dump: bytes) -> bool:
    """Whether `Linear` reads this exported state."""
    return len(dump) == _STATE.size and dump.startswith(FORMAT)


class Linear:
    """StandardScaler, then LogisticRegression (SGD 0.01, l2 1e-4).

    dumped: the exported state that this object is in; LEARNING, which equals no state, from the start of a lesson to
    its end, so that an exception in between leaves an object that nobody takes for a good one.
    """

    def __init__(self, dump: bytes = FRESH) -> None:
        """The model that gave `dump`, exactly; ValueError for a state that is not known."""
        if not is_known(dump):
            raise ValueError("not a state of this version of `lin`")
        _, intercept, learned, *numbers = _STATE.unpack(dump)
        weights, means, variances = (
            dict(zip(NAMES, numbers[start : start + _WIDTH], strict=True))
            for start in range(0, 3 * _WIDTH, _WIDTH)
        )
        self._scaler = preprocessing.StandardScaler()
        self._scaler.counts.update(dict.fromkeys(NAMES, int(learned)))
        self._scaler.means.update(means)
        self._scaler.vars.update(variances)
        self._regression = linear_model.LogisticRegression(optimizer=optim.SGD(0.01), l2=1e-4)
        self._regression._weights = utils.VectorDict(weights)  # River offers no public way in
        self._regression.intercept = intercept
        self._regression.optimizer.n_iterations = int(learned)
        self._pipeline = compose.Pipeline(self._scaler, self._regression)
        self.dumped = dump
        self.sound = math.isfinite(intercept + sum(numbers))

    @property
    def learned(self) -> int:
        """How many examples have been learned; each teaches the scaler and the regression."""
        return int(self._regression.optimizer.n_iterations)

    def scale(self, values: Sequence[float]) -> dict[str, float]:
        """The z-scores of a vector."""
        vector = dict(zip(NAMES, values, strict=True))
        scaled: dict[str, float] = self._scaler.transform_one(vector)  # type: ignore[no-untyped-call]  # River
        return scaled

    def predict(self, scaled: dict[str, float]) -> float:
        """P(up) of a scaled vector."""
        answer = self._regression.predict_proba_one(scaled)  # type: ignore[no-untyped-call]  # River
        return float(answer[True])

    def learn(self, values: Sequence[float], up: bool) -> None:
        """Learn one example; `dumped` and `sound` say what came of it."""
        self.dumped = LEARNING
        self._pipeline.learn_one(dict(zip(NAMES, values, strict=True)), up)
        weights, scaler = self._regression.weights, self._scaler
        numbers = [
            self._regression.intercept,
            float(self.learned),
            *map(weights.__getitem__, NAMES),
            *map(scaler.means.__getitem__, NAMES),
            *map(scaler.vars.__getitem__, NAMES),
        ]
        self.sound = math.isfinite(sum(numbers))
        self.dumped = _STATE.pack(FORMAT, *numbers)


def is_outlier(scaled: dict[str, float]) -> bool:
    """Whether a scaled vector is unlike what the version has learned from."""
    sizes = [abs(z) for z in scaled.values()]
    return max(sizes) > Z_MAX or sum(size > Z_HIGH for size in sizes) >= Z_HIGH_COUNT
