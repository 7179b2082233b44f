"""The rows of a training: examples that were labelled, in order of event time, as columns."""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from models.labels import LabelSpec
from models.skill import Floats, Ints
from streams.predictions import Example

Texts = np.ndarray[Any, np.dtype[np.str_]]
THIN_NS_MIN = 100_000_000
READY_SHARE = 0.5
"""A feature that takes long to be ready is used where at least so many of the rows have it."""


class FeatureSet(NamedTuple):
    """What a vector is made of. required: the bits that a row must have ready. clip: what its making keeps to."""

    name: str
    hash: str
    names: tuple[str, ...]
    required: int
    clip: tuple[tuple[float, float], ...]


@dataclass(frozen=True, eq=False)
class Frame:
    """Columns of equal length, by event time, then symbol. Times: ns; x: one row of features each; r, cost: bps."""

    symbol: Texts
    t0: Ints
    known_at: Ints
    x: Floats
    y: Ints
    r_bps: Floats
    cost_bps: Floats

    def __len__(self) -> int:
        return len(self.t0)

    def take(self, rows: Any) -> "Frame":
        """Some of the rows: a mask or indices."""
        return Frame(*(column[rows] for column in self.columns()))

    def columns(self) -> tuple[Any, ...]:
        """All columns, in the order of the fields."""
        return (
            self.symbol, self.t0, self.known_at, self.x, self.y, self.r_bps, self.cost_bps
        )  # fmt: skip

    def sha256(self) -> str:
        """Of every bit of every column: the name of a data set."""
        digest = hashlib.sha256("\n".join(self.symbol).encode())
        for column in self.columns()[1:]:
            digest.update(np.ascontiguousarray(column).tobytes())
        return digest.hexdigest()


@dataclass(frozen=True)
class Read:
    """What was found.

    required: bits that every row has ready. left_out: examples that are no rows, by why. offsets: the first and the
    last of each partition of `features`.
    """

    frame: Frame
    required: int
    left_out: dict[str, int]
    offsets: dict[str, tuple[int, int]]


def read(examples: Iterable[Example], features: FeatureSet, spec: LabelSpec, model: str) -> Read:
    """The rows among the examples of one model, thinned: see `thin`."""
    left_out: Counter[str] = Counter()
    rows: dict[tuple[int, str, str], Example] = {}
    for example in examples:
        why = _unfit(example, features, spec, model)
        if why:
            left_out[why] += 1
        else:
            rows[example.time, example.symbol, example.prediction_id] = example
    required = _required(rows.values(), features)
    ready = [rows[key] for key in sorted(rows) if not required & ~rows[key].ready]
    left_out["warming_up"] += len(rows) - len(ready)
    frame = _columns(ready, len(features.names))
    kept = thin(frame, spec.horizon_ns)
    left_out["thinned"] += len(frame) - len(kept)
    counts = {why: count for why, count in sorted(left_out.items()) if count}
    return Read(frame.take(kept), required, counts, _offsets(ready[row] for row in kept.tolist()))


def _required(rows: Collection[Example], features: FeatureSet) -> int:
    """The bits of the set, and those that most rows have."""
    required = features.required
    for bit in range(len(features.names)):
        ready = sum(row.ready >> bit & 1 for row in rows)
        if rows and ready >= READY_SHARE * len(rows):
            required |= 1 << bit
    return required


def _offsets(rows: Iterable[Example]) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for row in rows:
        topic, partition, at = row.features_ref
        first, last = found.get(f"{topic}/{partition}", (at, at))
        found[f"{topic}/{partition}"] = min(first, at), max(last, at)
    return dict(sorted(found.items()))


def _unfit(example: Example, features: FeatureSet, spec: LabelSpec, model: str) -> str:
    """Why an example is no row, "" if it is one."""
    if example.model != model or example.lane != "inline":
        return "other_model"
    if example.set_hash != features.hash or len(example.vector) != 8 * len(features.names):
        return "other_feature_set"
    if example.spec != spec.hash:
        return "other_label_spec"
    if example.state != "labelled" or example.y is None or example.r_bps is None:
        return example.state if example.state != "labelled" else "no_label"
    if example.ready & features.required != features.required:
        return "warming_up"
    return ""


def thin(frame: Frame, horizon_ns: int) -> Ints:
    """The rows at least max(100 ms, h/4) after the last one taken of their symbol: those between say the same again."""
    gap = max(THIN_NS_MIN, horizon_ns // 4)
    due: dict[str, int] = {}
    kept = []
    for row, (symbol, t0) in enumerate(zip(frame.symbol.tolist(), frame.t0.tolist(), strict=True)):
        if t0 >= due.get(symbol, t0):
            due[symbol] = t0 + gap
            kept.append(row)
    return np.array(kept, dtype=np.int64)


def _columns(examples: list[Example], width: int) -> Frame:
    vectors = b"".join(example.vector for example in examples)
    return Frame(
        symbol=np.array([example.symbol for example in examples], dtype=np.str_),
        t0=np.array([example.time for example in examples], dtype=np.int64),
        known_at=np.array([example.known_at for example in examples], dtype=np.int64),
        x=np.frombuffer(vectors, dtype="<f8").reshape(-1, width),
        y=np.array([example.y for example in examples], dtype=np.int64),
        r_bps=np.array([example.r_bps for example in examples], dtype=np.float64),
        cost_bps=np.array([example.cost_bps for example in examples], dtype=np.float64),
    )
