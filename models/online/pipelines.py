"""The versions that are River pipelines, each exported as plain numbers after everything it learns."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from models.features import NAMES
from models.lean import lean
from models.online.adapter import LEARNING, Format, are_outliers, is_finite
from models.online.baselines import sigmoid

with lean():
    from river import drift, linear_model, optim, preprocessing, utils

ADWIN = drift.ADWIN
WIDTH = len(NAMES)
RATE, ADAM_RATE, L2 = 0.01, 0.01, 1e-4
PA_STEP_MAX = 0.01
PLATT_RATE = 0.05
DECISION_MAX = 10.0


class _Scaler:
    """River's StandardScaler over the feature vector."""

    def __init__(self, learned: float, means: Iterable[float], variances: Iterable[float]) -> None:
        self._scaler = preprocessing.StandardScaler()
        self._scaler.counts.update(dict.fromkeys(NAMES, int(learned)))
        self._scaler.means.update(zip(NAMES, means, strict=True))
        self._scaler.vars.update(zip(NAMES, variances, strict=True))

    def learn(self, values: Sequence[float]) -> dict[str, float]:
        """Take the vector in, then scale it."""
        self._scaler.learn_one(named(values))  # type: ignore[no-untyped-call]  # River
        return self.scale(values)

    def scale(self, values: Sequence[float]) -> dict[str, float]:
        """The z-scores of a vector."""
        scaled: dict[str, float] = self._scaler.transform_one(named(values))  # type: ignore[no-untyped-call]  # River
        return scaled

    def numbers(self) -> list[float]:
        """Means, then variances, in the order of the features."""
        means, variances = self._scaler.means, self._scaler.vars
        return [*map(means.__getitem__, NAMES), *map(variances.__getitem__, NAMES)]


class Linear:
    """StandardScaler, then LogisticRegression (SGD 0.01, l2 1e-4)."""

    FORMAT = Format("lin2", 2 + 3 * WIDTH)

    def __init__(self, state: bytes) -> None:
        intercept, learned, *rest = self.FORMAT.numbers(state)
        weights, means, variances = _rows(rest)
        self._scaler = _Scaler(learned, means, variances)
        self._optimizer = optim.SGD(RATE)
        self._regression = _logistic(self._optimizer, weights, intercept, learned)
        self.state, self.sound = state, is_finite((intercept, *rest))

    @property
    def learned(self) -> int:
        return int(self._optimizer.n_iterations)

    def predict(self, values: Sequence[float]) -> float | None:
        scaled = self._scaler.scale(values)
        return None if are_outliers(scaled.values()) else _up(self._regression, scaled)

    def learn(self, values: Sequence[float], up: bool, weight: float, known_at: int) -> None:
        self.state = LEARNING
        self._regression.learn_one(self._scaler.learn(values), up, weight)
        weights = self._regression.weights
        numbers = [
            self._regression.intercept,
            float(self.learned),
            *map(weights.__getitem__, NAMES),
            *self._scaler.numbers(),
        ]
        self.sound = is_finite(numbers)
        self.state = self.FORMAT.pack(numbers)


class LinearAdam:
    """StandardScaler, then LogisticRegression (Adam 0.01, l2 1e-4)."""

    FORMAT = Format("lad1", 2 + 5 * WIDTH)

    def __init__(self, state: bytes) -> None:
        intercept, learned, *rest = self.FORMAT.numbers(state)
        weights, means, variances, first, second = _rows(rest)
        self._scaler = _Scaler(learned, means, variances)
        self._optimizer = optim.Adam(ADAM_RATE)
        if learned:
            self._optimizer.m = utils.VectorDict(named(first))
            self._optimizer.v = utils.VectorDict(named(second))
        self._regression = _logistic(self._optimizer, weights, intercept, learned)
        self.state, self.sound = state, is_finite((intercept, *rest))

    @property
    def learned(self) -> int:
        return int(self._optimizer.n_iterations)

    def predict(self, values: Sequence[float]) -> float | None:
        scaled = self._scaler.scale(values)
        return None if are_outliers(scaled.values()) else _up(self._regression, scaled)

    def learn(self, values: Sequence[float], up: bool, weight: float, known_at: int) -> None:
        self.state = LEARNING
        self._regression.learn_one(self._scaler.learn(values), up, weight)
        weights = self._regression.weights
        first, second = self._optimizer.m, self._optimizer.v
        numbers = [
            self._regression.intercept,
            float(self.learned),
            *map(weights.__getitem__, NAMES),
            *self._scaler.numbers(),
            *map(first.__getitem__, NAMES),
            *map(second.__getitem__, NAMES),
        ]
        self.sound = is_finite(numbers)
        self.state = self.FORMAT.pack(numbers)


class _PAClassifier(linear_model.PAClassifier):
    """River's, with exact sums: its own have another last digit from Python 3.12 on, and so would every replay."""

    def decision(self, x: dict[str, float]) -> float:
        """How far on the side of a rise."""
        return float(self.intercept) + math.fsum(self.weights[name] * z for name, z in x.items())

    def learn_one(self, x: dict[Any, Any], y: bool | str | int) -> None:
        norm = math.fsum(z * z for z in x.values())
        side = 1 if y else -1
        loss = max(0.0, 1.0 - side * self.decision(x))
        step = side * min(self.C, loss / norm) if norm > 0 else 0.0
        for name, z in x.items():
            self.weights[name] += step * z
        self.intercept += step


class PassiveAggressive:
    """StandardScaler, then PAClassifier; its decision becomes a probability by a running Platt scale.

    Crammer et al. 2006 (PA-I), Platt 1999. The scale learns from each decision before the classifier does.
    """

    FORMAT = Format("pas1", 4 + 3 * WIDTH)

    def __init__(self, state: bytes) -> None:
        intercept, learned, slope, shift, *rest = self.FORMAT.numbers(state)
        weights, means, variances = _rows(rest)
        self._scaler = _Scaler(learned, means, variances)
        self._classifier = _PAClassifier(C=PA_STEP_MAX)  # type: ignore[no-untyped-call]  # River
        self._classifier.weights.update(named(weights))
        self._classifier.intercept = intercept
        self._slope, self._shift = (slope, shift) if learned else (1.0, 0.0)
        self._learned = int(learned)
        self.state, self.sound = state, is_finite((intercept, slope, shift, *rest))

    @property
    def learned(self) -> int:
        return self._learned

    def predict(self, values: Sequence[float]) -> float | None:
        scaled = self._scaler.scale(values)
        if are_outliers(scaled.values()):
            return None
        return sigmoid(self._slope * self._decision(scaled) + self._shift)

    def learn(self, values: Sequence[float], up: bool, weight: float, known_at: int) -> None:
        self.state = LEARNING
        scaled = self._scaler.learn(values)
        decision = self._decision(scaled)
        error = (sigmoid(self._slope * decision + self._shift) - up) * weight
        self._slope -= PLATT_RATE * error * decision
        self._shift -= PLATT_RATE * error
        self._classifier.learn_one(scaled, up)
        self._learned += 1
        self._export()

    def recalibrate(self) -> None:
        """Begin the Platt scale anew."""
        self._slope, self._shift = 1.0, 0.0
        self._export()

    def _decision(self, scaled: dict[str, float]) -> float:
        decision = self._classifier.decision(scaled)
        return float(min(max(decision, -DECISION_MAX), DECISION_MAX))

    def _export(self) -> None:
        numbers = [
            float(self._classifier.intercept),
            float(self._learned),
            self._slope,
            self._shift,
            *map(float, map(self._classifier.weights.__getitem__, NAMES)),
            *self._scaler.numbers(),
        ]
        self.sound = is_finite(numbers)
        self.state = self.FORMAT.pack(numbers)


class Calibrated:
    """LogisticRegression on a batch version's logit and three features; it begins as that version itself.

    Its vector is `inputs(...)` of `models/online/versions.py`.
    """

    INPUTS = ("logit", "queue_imb", "micro_dev", "ofi_1s")
    FORMAT = Format("cal1", 2 + len(INPUTS))

    def __init__(self, state: bytes) -> None:
        intercept, learned, *weights = self.FORMAT.numbers(state)
        if not learned:
            weights[0] = 1.0
        self._optimizer = optim.SGD(RATE)
        named_weights = dict(zip(self.INPUTS, weights, strict=True))
        self._regression = _regression(self._optimizer, named_weights, intercept, learned)
        self.state, self.sound = state, is_finite((intercept, *weights))

    @property
    def learned(self) -> int:
        return int(self._optimizer.n_iterations)

    def predict(self, values: Sequence[float]) -> float:
        return _up(self._regression, dict(zip(self.INPUTS, values, strict=True)))

    def learn(self, values: Sequence[float], up: bool, weight: float, known_at: int) -> None:
        self.state = LEARNING
        self._regression.learn_one(dict(zip(self.INPUTS, values, strict=True)), up, weight)
        weights = self._regression.weights
        numbers = [
            self._regression.intercept,
            float(self.learned),
            *map(weights.__getitem__, self.INPUTS),
        ]
        self.sound = is_finite(numbers)
        self.state = self.FORMAT.pack(numbers)


def named(values: Iterable[float]) -> dict[str, float]:
    """A vector by the names of its features."""
    return dict(zip(NAMES, values, strict=True))


def _rows(numbers: Sequence[float]) -> list[Sequence[float]]:
    return [numbers[start : start + WIDTH] for start in range(0, len(numbers), WIDTH)]


def _logistic(
    optimizer: optim.base.Optimizer, weights: Iterable[float], intercept: float, learned: float
) -> linear_model.LogisticRegression:
    return _regression(optimizer, named(weights), intercept, learned)


def _regression(
    optimizer: optim.base.Optimizer, weights: dict[str, float], intercept: float, learned: float
) -> linear_model.LogisticRegression:
    regression = linear_model.LogisticRegression(optimizer=optimizer, l2=L2)
    regression._weights = utils.VectorDict(weights)  # River offers no public way in
    regression.intercept = intercept
    optimizer.n_iterations = int(learned)
    return regression


def _up(regression: linear_model.LogisticRegression, values: dict[str, float]) -> float:
    answer = regression.predict_proba_one(values)  # type: ignore[no-untyped-call]  # River
    return float(answer[True])
