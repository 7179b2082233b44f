"""Answers for a batch version from its files; the learner calls it beside its online versions.

A version has three files: its model (`model.txt`, LightGBM's own text, or `logistic.json`), `scaler.json` and
`platt.json`. All numbers of the JSON files are hex floats, so that a file gives the same bits wherever it is read.
"""

import importlib
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import msgspec
import numpy as np

from streams.predictions import ModelVersion

if TYPE_CHECKING:
    from lightgbm import Booster

LIGHTGBM, LOGISTIC = "lightgbm", "logistic"
FORMATS = {LIGHTGBM: "lightgbm-text-4", LOGISTIC: "logistic-json-1"}
"""Each algorithm, and the stamp that its files must have."""

MODEL_TEXT, MODEL_JSON, SCALER, PLATT = "model.txt", "logistic.json", "scaler.json", "platt.json"
NOT_FOR_WORKERS = ("sklearn", "pandas", "dask", "pyarrow")
"""What LightGBM imports if it can, for interfaces that nobody here uses: 3 s and 150 MB in each worker."""

LOGIT_MAX = 36.0
"""Beyond it a probability rounds to 0 or 1."""


class FormatUnsupported(Exception):
    """The version cannot be answered for here: an unknown format, a damaged file, or LightGBM is not installed."""


class Model(Protocol):
    """What makes a score in logits of a clipped vector."""

    def raw(self, clipped: Sequence[float]) -> float: ...


class Scaler(msgspec.Struct, frozen=True):
    """Means and deviations of the clipped training rows, as hex floats."""

    mean: tuple[str, ...]
    deviation: tuple[str, ...]


class Platt(msgspec.Struct, frozen=True):
    """p = 1 / (1 + exp(-(slope x raw + intercept))), as hex floats. Platt 1999."""

    slope: str
    intercept: str


class Weights(msgspec.Struct, frozen=True):
    """A logistic regression over scaled features, as hex floats."""

    weights: tuple[str, ...]
    intercept: str


class Scorer:
    """One batch version, ready to answer."""

    def __init__(self, version: ModelVersion, files: Mapping[str, bytes]) -> None:
        """files: contents by name, their sha256 already checked. Raises FormatUnsupported."""
        if FORMATS.get(version.algorithm) != version.format:
            raise FormatUnsupported(f"{version.algorithm} {version.format}")
        try:
            self._mean, self._deviation = _scaler(files[SCALER])
            self._slope, self._intercept = _platt(files[PLATT])
            if version.algorithm == LIGHTGBM:
                self._model: Model = _Trees(files[MODEL_TEXT])
            else:
                self._model = _Logistic(files[MODEL_JSON], self._mean, self._deviation)
        except (KeyError, ValueError, msgspec.DecodeError) as error:
            raise FormatUnsupported(f"{version.version}: {error}") from error
        self._clip = version.clip
        if not len(self._clip) == len(self._mean) == len(self._deviation):
            raise FormatUnsupported(f"{version.version}: not one bound and one scale a feature")

    def scale(self, vector: Sequence[float]) -> tuple[float, ...]:
        """The z-scores of a vector as it came, not clipped: how far it is from what was trained on."""
        rows = zip(vector, self._mean, self._deviation, strict=True)
        return tuple([(value - mean) / deviation for value, mean, deviation in rows])

    def predict(self, vector: Sequence[float]) -> float:
        """P(up) of a vector of finite numbers."""
        return sigmoid(self._slope * self.raw(vector) + self._intercept)

    def raw(self, vector: Sequence[float]) -> float:
        """The score in logits before Platt's scale."""
        bounds = zip(vector, self._clip, strict=True)
        clipped = [min(max(value, low), high) for value, (low, high) in bounds]
        return self._model.raw(clipped)


class _Trees:
    """LightGBM trees."""

    def __init__(self, text: bytes) -> None:
        self._booster = booster(text.decode())

    def raw(self, clipped: Sequence[float]) -> float:
        row = np.array([clipped])
        found = self._booster.predict(row, raw_score=True, num_threads=1)
        return float(found[0])


class _Logistic:
    """Weights over scaled features."""

    def __init__(self, data: bytes, mean: Sequence[float], deviation: Sequence[float]) -> None:
        found, self._intercept = weights(data)
        self._terms = tuple(zip(found, mean, deviation, strict=True))

    def raw(self, clipped: Sequence[float]) -> float:
        score = self._intercept
        for value, (weight, mean, deviation) in zip(clipped, self._terms, strict=True):
            score += weight * ((value - mean) / deviation)
        return score


def load_lightgbm() -> None:
    """Import LightGBM, at a start, without what a worker must not import. Raises FormatUnsupported."""
    if "lightgbm" in sys.modules:
        return
    hidden = [name for name in NOT_FOR_WORKERS if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: as if not installed
    try:
        importlib.import_module("lightgbm")
    except ImportError as error:
        raise FormatUnsupported("LightGBM is not installed: pip install headrace[batch]") from error
    finally:
        for name in hidden:
            sys.modules.pop(name, None)


def booster(text: str) -> "Booster":
    """The trees of a model text. Raises FormatUnsupported."""
    load_lightgbm()
    import lightgbm

    try:
        return lightgbm.Booster(model_str=text)
    except lightgbm.basic.LightGBMError as error:
        raise FormatUnsupported(f"not a LightGBM model text: {error}") from error


def weights(data: bytes) -> tuple[tuple[float, ...], float]:
    """The weights and the intercept of a logistic regression. Raises ValueError."""
    read = msgspec.json.decode(data, type=Weights)
    *found, intercept = _numbers([*read.weights, read.intercept])
    return tuple(found), intercept


def hexes(numbers: Iterable[float]) -> tuple[str, ...]:
    """Numbers as the files have them."""
    return tuple(float(number).hex() for number in numbers)


def encoded(content: msgspec.Struct) -> bytes:
    """A file's bytes."""
    return msgspec.json.encode(content, order="sorted")


def sigmoid(logit: float) -> float:
    """1 / (1 + exp(-logit)), strictly between 0 and 1; NaN stays NaN."""
    return 1 / (1 + math.exp(-min(max(logit, -LOGIT_MAX), LOGIT_MAX))) if logit == logit else logit


def _scaler(data: bytes) -> tuple[tuple[float, ...], tuple[float, ...]]:
    read = msgspec.json.decode(data, type=Scaler)
    deviation = _numbers(read.deviation)
    if not all(each > 0 for each in deviation):
        raise ValueError("a deviation that is not positive")
    return _numbers(read.mean), deviation


def _platt(data: bytes) -> tuple[float, float]:
    read = msgspec.json.decode(data, type=Platt)
    slope, intercept = _numbers([read.slope, read.intercept])
    return slope, intercept


def _numbers(hexes: Sequence[str]) -> tuple[float, ...]:
    numbers = tuple(map(float.fromhex, hexes))
    if not all(map(math.isfinite, numbers)):
        raise ValueError("a number that is not finite")
    return numbers
