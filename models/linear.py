"""The online version `lin`: one River pipeline a symbol, exported as plain numbers after everything it learns."""

import math
from collections.abc import Sequence

from river import compose, linear_model, optim, preprocessing, utils

from models.features import NAMES
from models.online import FORMAT, FRESH, LEARNING, STATE, WIDTH, is_known


class Linear:
    """StandardScaler, then LogisticRegression (SGD 0.01, l2 1e-4).

    dumped: the exported state that this object is in; LEARNING, which equals no state, from the start of a lesson to
    its end, so that an exception in between leaves an object that nobody takes for a good one.
    """

    def __init__(self, dump: bytes = FRESH) -> None:
        """The model that gave `dump`, exactly; ValueError for a state that is not known."""
        if not is_known(dump):
            raise ValueError("not a state of this version of `lin`")
        _, intercept, learned, *numbers = STATE.unpack(dump)
        weights, means, variances = (
            dict(zip(NAMES, numbers[start : start + WIDTH], strict=True))
            for start in range(0, 3 * WIDTH, WIDTH)
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
        self.dumped = STATE.pack(FORMAT, *numbers)
