"""Labels: what became of the price after a vector, known no earlier than the record that shows it."""

import hashlib
import json
import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

import msgspec

SECOND_NS = 1_000_000_000
TICK = 2
"""In half ticks."""

EXPIRY_NS = 60 * SECOND_NS
"""A label whose symbol stays silent this long past its horizon will not be known."""

GAP_MS_MAX = 5_000
"""A longer silence inside a horizon of up to a minute censors the label."""

PENDING_MAX = 10_000
"""Pending labels of one symbol; the oldest gives way."""

State = Literal["labelled", "flat", "ambiguous", "censored", "expired", "overflow"]


@dataclass(frozen=True)
class LabelSpec:
    """What is asked of the price after a vector.

    horizon: y = 1 where the return over `horizon_ns` is above the dead band, 0 where below, else flat.
    barrier: y = 1 where the mid reaches the upper of two barriers first, 0 where the lower, flat where neither within
    `horizon_ns` (triple barrier, Lopez de Prado 2018); they lie `width` times the volatility away, at least one tick
    and `floor_bps`.
    """

    name: str
    horizon_ns: int
    band_bps: float = 0.0
    kind: Literal["horizon", "barrier"] = "horizon"
    width: float = 1.0
    floor_bps: float = 0.0

    @property
    def grace_ns(self) -> int:
        """How much later than the horizon a record may still resolve the label."""
        return max(SECOND_NS // 2, self.horizon_ns // 10)

    @cached_property
    def hash(self) -> str:
        """The first 8 bytes (hex) of the sha256 of all that gives the label its meaning."""
        described = [self.kind, self.name, self.horizon_ns, self.grace_ns, self.band_bps]
        if self.kind == "barrier":
            described += [self.width, self.floor_bps]
        return hashlib.sha256(json.dumps(described).encode()).hexdigest()[:16]


UP_1S = LabelSpec("up1s", SECOND_NS)
UP_5S = LabelSpec("up5s", 5 * SECOND_NS)
UP_4H = LabelSpec("up4h", 4 * 3600 * SECOND_NS)
"""Of bars; their mid is the close."""

TB_60S = LabelSpec("tb60s", 60 * SECOND_NS, kind="barrier", floor_bps=1.0)
SPECS = {spec.name: spec for spec in (UP_1S, UP_5S, UP_4H, TB_60S)}


class Pending(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A vector that waits for its label.

    offset: of its `features` record. time: event time of the vector. mid2: its mid in half ticks. p: the probability
    that was served. vector: what to learn from; empty when it is not to be learned. gapped: a silence lies inside.
    lower, upper: barriers in half ticks, 0 = none.
    """

    offset: int
    time: int
    mid2: int
    p: float | None
    vector: bytes
    gapped: bool = False
    lower: int = 0
    upper: int = 0


class Outcome(NamedTuple):
    """The end of a pending label, known at the event time of the record that brought it about and no earlier.

    y, r_bps: None where the state has none.
    """

    state: State
    y: int | None = None
    r_bps: float | None = None


def barriers(spec: LabelSpec, mid2: int, rv_60s_bps: float) -> tuple[int, int]:
    """(lower, upper) in half ticks around a vector's mid, from its feature `rv_60s`; (0, 0) for a spec without."""
    if spec.kind != "barrier":
        return 0, 0
    volatility_bps = spec.width * rv_60s_bps * math.sqrt(spec.horizon_ns / (60 * SECOND_NS))
    away = max(math.ceil(mid2 * max(volatility_bps, spec.floor_bps) / 10_000), TICK)
    return mid2 - away, mid2 + away


def touches(pending: Pending, low: int, high: int) -> tuple[bool, bool]:
    """Whether mids between `low` and `high` reach the lower barrier, and the upper one."""
    return 0 < low <= pending.lower, 0 < pending.upper <= high


def is_due(spec: LabelSpec, pending: Pending, time: int, low: int = 0, high: int = 0) -> bool:
    """Whether a record of the symbol at `time` resolves this label. low, high: its mids since the record before."""
    return time >= pending.time + spec.horizon_ns or any(touches(pending, low, high))


def is_expired(spec: LabelSpec, pending: Pending, clock_ns: int) -> bool:
    """Whether the partition's clock has passed all waiting for it."""
    return clock_ns > pending.time + spec.horizon_ns + EXPIRY_NS


def outcome(
    spec: LabelSpec,
    pending: Pending,
    time: int,
    mid2: int,
    clock_ns: int,
    low: int = 0,
    high: int = 0,
) -> Outcome:
    """How a due label ends at the symbol's record of `time` and `mid2`, which saw mids from `low` to `high`."""
    if is_expired(spec, pending, clock_ns):
        return Outcome("expired")
    r_bps = 10_000 * math.log(mid2 / pending.mid2)
    if pending.gapped or time > pending.time + spec.horizon_ns + spec.grace_ns:
        return Outcome("censored", None, r_bps)
    if spec.kind == "barrier":
        return _first_touch(pending, low, high, r_bps)
    if abs(r_bps) <= spec.band_bps:
        return Outcome("flat", None, r_bps)
    return Outcome("labelled", int(r_bps > 0), r_bps)


def _first_touch(pending: Pending, low: int, high: int, r_bps: float) -> Outcome:
    """Nobody knows which came first where one record's mids reach both barriers."""
    fell, rose = touches(pending, low, high)
    if fell and rose:
        return Outcome("ambiguous", None, r_bps)
    if fell or rose:
        return Outcome("labelled", int(rose), r_bps)
    return Outcome("flat", None, r_bps)
