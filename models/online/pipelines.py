"""The versions that are River pipelines, each exported as plain numbers after everything it learns."""

import math
from collections.abc import Callable, Iterable, Sequence
from operator import mul
from typing import NamedTuple

from models.features import NAMES
from models.lean import lean
from models.online.adapter import LEARNING, Format, is_finite
from models.online.baselines import sigmoid
from models.online.scaling import WIDTH, restored

with lean():
    from river import drift, linear_model, optim, utils

ADWIN = drift.ADWIN
RATE, ADAM_RATE, L2 = 0.01, 0.01, 1e-4
PA_STEP_MAX = 0.01
PLATT_RATE = 0.05
DECISION_MAX = 10.0
Optimizer = optim.base.Optimizer
Rows = Sequence[Sequence[float]]


class Descent(NamedTuple):
    """How a linear version descends: the format of its export, and its optimizer from and to the rows of moments."""

    format: Format
    optimizer: Callable[[float, Rows], Optimizer]
    moments: Callable[[Optimizer], Sequence[float]]


class _Logistic:
    """River's LogisticRegression over named numbers, from and to plain ones."""

    def __init__(
        self,
        optimizer: Optimizer,
        names: Sequence[str],
        intercept: float,
        learned: float,
        weights: Iterable[float],
    ) -> None:
        self._names = names
        self.optimizer = optimizer
        self.river = linear_model.LogisticRegression(optimizer=optimizer, l2=L2)
        # River offers no public way in
        self.river._weights = utils.VectorDict(dict(zip(names, weights, strict=True)))
        self.river.intercept = intercept
        optimizer.n_iterations = int(learned)

    @property
    def learned(self) -> int:
        return int(self.optimizer.n_iterations)

    def up(self, named: dict[str, float]) -> float:
        answer = self.river.predict_proba_one(named)  # type: ignore[no-untyped-call]  # River
        return float(answer[True])

    def numbers(self) -> list[float]:
        """Intercept, count, then the weights in the order of the names."""
        weights = self.river.weights
        return [
            self.river.intercept,
            float(self.learned),
            *map(weights.__getitem__, self._names),
        ]


class Linear:
    """StandardScaler, then LogisticRegression (l2 1e-4) by SGD or Adam (0.01)."""

    def __init__(self, state: bytes, descent: Descent) -> None:
        self._descent = descent
        intercept, learned, *rest = descent.format.numbers(state)
        weights, means, variances, *moments = _rows(rest)
        self._scale = restored(learned, means, variances)
        optimizer = descent.optimizer(learned, moments)
        self._regression = _Logistic(optimizer, NAMES, intercept, learned, weights)
        self.state, self.sound = state, is_finite((intercept, *rest))

    @property
    def learned(self) -> int:
        return self._regression.learned

    def predict(self, values: Sequence[float]) -> float | None:
        scaled = self._scale.known(values)
        return None if scaled is None else self._regression.up(scaled.named)

    def learn(self, values: Sequence[float], up: bool, weight: float, known_at: int) -> None:
        self.state = LEARNING
        self._scale = scale = self._scale.after(values)
        self._regression.river.learn_one(scale.scaled(values).named, up, weight)
        numbers = [
            *self._regression.numbers(),
            *scale.means,
            *scale.variances,
            *self._descent.moments(self._regression.optimizer),
        ]
        self.sound = is_finite(numbers)
        self.state = self._descent.format.pack(numbers)


class PassiveAggressive:
    """StandardScaler, then River's PAClassifier; its decision becomes a probability by a running Platt scale.

    Crammer et al. 2006 (PA-I), Platt 1999. The scale learns from each decision before the classifier does. The step is
    River's with exact sums: its own have another last digit from Python 3.12 on, and so would every replay.
    """

    FORMAT = Format("pas1", 4 + 3 * WIDTH)

    def __init__(self, state: bytes) -> None:
        intercept, learned, slope, shift, *rest = self.FORMAT.numbers(state)
        self._weights, means, variances = _rows(rest)
        self._scale = restored(learned, means, variances)
        self._intercept = intercept
        self._slope, self._shift = (slope, shift) if learned else (1.0, 0.0)
        self._learned = int(learned)
        self.state, self.sound = state, is_finite((intercept, slope, shift, *rest))

    @property
    def learned(self) -> int:
        return self._learned

    def predict(self, values: Sequence[float]) -> float | None:
        scaled = self._scale.known(values)
        if scaled is None:
            return None
        return sigmoid(self._slope * _bounded(self._decision(scaled.scores)) + self._shift)

    def learn(self, values: Sequence[float], up: bool, weight: float, known_at: int) -> None:
        self.state = LEARNING
        self._scale = self._scale.after(values)
        scores = self._scale.scaled(values).scores
        decision = self._decision(scores)
        bounded = _bounded(decision)
        error = (sigmoid(self._slope * bounded + self._shift) - up) * weight
        self._slope -= PLATT_RATE * error * bounded
        self._shift -= PLATT_RATE * error
        self._step(scores, decision, 1 if up else -1)
        self._learned += 1
        self._export()

    def recalibrate(self) -> None:
        """Begin the Platt scale anew."""
        self._slope, self._shift = 1.0, 0.0
        self._export()

    def _decision(self, scores: Sequence[float]) -> float:
        """How far on the side of a rise."""
        return self._intercept + math.fsum(map(mul, self._weights, scores))

    def _step(self, scores: Sequence[float], decision: float, side: int) -> None:
        norm = math.fsum(map(mul, scores, scores))
        loss = max(0.0, 1.0 - side * decision)
        step = side * min(PA_STEP_MAX, loss / norm) if norm > 0 else 0.0
        self._weights = [
            weight + step * score for weight, score in zip(self._weights, scores, strict=True)
        ]
        self._intercept += step

    def _export(self) -> None:
        numbers = [
            self._intercept,
            float(self._learned),
            self._slope,
            self._shift,
            *self._weights,
            *self._scale.means,
            *self._scale.variances,
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
        self._regression = _Logistic(optim.SGD(RATE), self.INPUTS, intercept, learned, weights)
        self.state, self.sound = state, is_finite((intercept, *weights))

    @property
    def learned(self) -> int:
        return self._regression.learned

    def predict(self, values: Sequence[float]) -> float:
        return self._regression.up(dict(zip(self.INPUTS, values, strict=True)))

    def learn(self, values: Sequence[float], up: bool, weight: float, known_at: int) -> None:
        self.state = LEARNING
        self._regression.river.learn_one(dict(zip(self.INPUTS, values, strict=True)), up, weight)
        numbers = self._regression.numbers()
        self.sound = is_finite(numbers)
        self.state = self.FORMAT.pack(numbers)


def named(values: Iterable[float]) -> dict[str, float]:
    """A vector by the names of its features."""
    return dict(zip(NAMES, values, strict=True))


def _rows(numbers: Sequence[float]) -> list[Sequence[float]]:
    return [numbers[start : start + WIDTH] for start in range(0, len(numbers), WIDTH)]


def _bounded(decision: float) -> float:
    return min(max(decision, -DECISION_MAX), DECISION_MAX)


def _adam(learned: float, moments: Rows) -> Optimizer:
    made = optim.Adam(ADAM_RATE)
    if learned:
        first, second = moments
        made.m, made.v = utils.VectorDict(named(first)), utils.VectorDict(named(second))
    return made


def _moments(adam: Optimizer) -> Sequence[float]:
    assert isinstance(adam, optim.Adam)
    first, second = adam.m, adam.v
    return [*map(first.__getitem__, NAMES), *map(second.__getitem__, NAMES)]


SGD = Descent(Format("lin2", 2 + 3 * WIDTH), lambda learned, moments: optim.SGD(RATE), lambda _: ())
ADAM = Descent(Format("lad1", 2 + 5 * WIDTH), _adam, _moments)
