"""How long one answer of a version takes, on vectors as they were logged."""

import struct
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from models.batch.scorer import FormatUnsupported, Scorer
from models.features import FEATURES
from models.mixture import MIX, probability
from models.online import versions
from streams.predictions import Answer, ModelVersion

Predict = Callable[[Sequence[float]], object]
WARM_UP = 20
"""Answers that are not timed: a first one loads what the others find."""

NS_PER_MS = 1_000_000


class Logged(NamedTuple):
    """A vector that was served, and what came."""

    vector: bytes
    up: bool


def p99_ms(
    version: ModelVersion, contents: Mapping[str, bytes], logged: Sequence[Logged], count: int
) -> float | None:
    """The 99th percentile over `count` answers, the vectors taken in turn; None where it cannot answer here.

    contents: its files by their hashes.
    """
    width = len(version.clip) or len(FEATURES)  # of the version's feature set
    packing = struct.Struct(f"<{width}d")
    whole = [each for each in logged if len(each.vector) == packing.size]
    rows = [packing.unpack(each.vector) for each in whole]
    if not rows:
        return None
    if version.version in versions.HEAVY:
        predict: Predict | None = _heavy(version.version, rows, whole)
    else:
        predict = _predict(version, contents)
    if predict is None:
        return None
    for row in rows[:WARM_UP]:
        predict(row)
    spent = []
    for number in range(count):
        started = time.perf_counter_ns()
        predict(rows[number % len(rows)])
        spent.append(time.perf_counter_ns() - started)
    return sorted(spent)[len(spent) * 99 // 100] / NS_PER_MS


def _predict(version: ModelVersion, contents: Mapping[str, bytes]) -> Predict | None:
    if version.files:
        files = {each.name: contents[each.sha256] for each in version.files}
        try:
            return Scorer(version, files).predict
        except FormatUnsupported:
            return None
    if version.version == MIX:
        return _mixture()
    if version.version.startswith(versions.CALIB):
        calibration = versions.make(version.version, b"")
        return lambda values: calibration.predict(versions.inputs(values, 0.5))
    if version.version not in versions.INLINE:
        return None
    online = versions.make(version.version, b"")
    _teach(online.learn)
    return online.predict


def _heavy(name: str, rows: Sequence[Sequence[float]], logged: Sequence[Logged]) -> Predict:
    """A tree is as slow as what it has learned makes it."""
    from models.online.trees import Tree  # River's forests take a second to import

    tree = Tree(name, "", 0)
    for row, each in zip(rows, logged, strict=True):
        tree.learn(row, each.up, 1.0, 0)
    return tree.predict


def _mixture() -> Predict:
    """Its experts' answers come from the same vector; what they cost is counted as its own."""
    lin, prior = versions.make(versions.LIN, b""), versions.make(versions.PRIOR, b"")
    _teach(lin.learn)
    weights = {versions.LIN: 0.5, versions.PRIOR: 0.5}

    def predict(values: Sequence[float]) -> object:
        answers = {
            name: Answer(name, each.predict(values))
            for name, each in ((versions.LIN, lin), (versions.PRIOR, prior))
        }
        return probability(weights, answers)

    return predict


def _teach(learn: Callable[[Sequence[float], bool, float, int], None]) -> None:
    """Two examples, so that scales and weights are not all zero."""
    learn([feature.low for feature in FEATURES], True, 1.0, 0)
    learn([feature.high for feature in FEATURES], False, 1.0, 0)
