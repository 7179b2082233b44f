"""The versions that every other is compared with: plain numbers, always on, and hard to beat on many streams."""

import math
from collections.abc import Sequence

from models.features import NAMES
from models.online.adapter import LEARNING, Format, is_finite

QUEUE_IMBALANCE = NAMES.index("queue_imb")
QI_RATE, QI_L2 = 0.1, 1e-4
LOGIT_MAX = 36.0


class Prior:
    """The frequency of ups among the labels so far, by Laplace's rule: the baseline of the majority."""

    FORMAT = Format("pri1", 2)

    def __init__(self, state: bytes) -> None:
        self._ups, self._downs = self.FORMAT.numbers(state)
        self.state, self.sound = state, True

    @property
    def learned(self) -> int:
        return int(self._ups + self._downs)

    def predict(self, values: Sequence[float]) -> float:
        return (self._ups + 1) / (self._ups + self._downs + 2)

    def learn(self, values: Sequence[float], up: bool, weight: float, known_at: int) -> None:
        self._ups += up
        self._downs += not up
        self.state = self.FORMAT.pack((self._ups, self._downs))


class NoChange:
    """The last known label once more, with the frequency, by Laplace's rule, of labels that equalled the one before."""

    FORMAT = Format("noc1", 3)

    def __init__(self, state: bytes) -> None:
        self._last, self._same, self._others = self.FORMAT.numbers(state)
        self.state, self.sound = state, True

    @property
    def learned(self) -> int:
        return int(self._same + self._others) + (self._last != 0)

    def predict(self, values: Sequence[float]) -> float:
        """1/2 before the first label."""
        repeats = (self._same + 1) / (self._same + self._others + 2)
        return repeats if self._last > 0 else 1 - repeats if self._last < 0 else 0.5

    def learn(self, values: Sequence[float], up: bool, weight: float, known_at: int) -> None:
        label = 1.0 if up else -1.0
        if self._last:
            self._same += label == self._last
            self._others += label != self._last
        self._last = label
        self.state = self.FORMAT.pack((self._last, self._same, self._others))


class QueueImbalance:
    """A logistic regression on the queue imbalance alone, by SGD."""

    FORMAT = Format("qi_1", 3)

    def __init__(self, state: bytes) -> None:
        self._weight, self._intercept, self._learned = self.FORMAT.numbers(state)
        self.state, self.sound = state, is_finite((self._weight, self._intercept))

    @property
    def learned(self) -> int:
        return int(self._learned)

    def predict(self, values: Sequence[float]) -> float:
        return sigmoid(self._weight * values[QUEUE_IMBALANCE] + self._intercept)

    def learn(self, values: Sequence[float], up: bool, weight: float, known_at: int) -> None:
        self.state = LEARNING
        error = (self.predict(values) - up) * weight
        gradient = error * values[QUEUE_IMBALANCE] + QI_L2 * self._weight
        self._weight -= QI_RATE * gradient
        self._intercept -= QI_RATE * error
        self._learned += 1
        self.sound = is_finite((self._weight, self._intercept))
        self.state = self.FORMAT.pack((self._weight, self._intercept, self._learned))


def sigmoid(logit: float) -> float:
    """1 / (1 + exp(-logit)), strictly between 0 and 1; NaN stays NaN."""
    if logit != logit:
        return logit
    return 1 / (1 + math.exp(-min(max(logit, -LOGIT_MAX), LOGIT_MAX)))


def logit(p: float) -> float:
    """The inverse, within the same bounds."""
    if not 0 < p < 1:
        return LOGIT_MAX if p > 0 else -LOGIT_MAX
    return min(max(math.log(p / (1 - p)), -LOGIT_MAX), LOGIT_MAX)
