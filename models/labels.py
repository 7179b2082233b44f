"""Labels: what became of the price after a vector, known no earlier than the record that shows it."""

import hashlib
import json
import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

import msgspec

SECOND_NS = 1_000_000_000
EXPIRY_NS = 60 * SECOND_NS
"""A label whose symbol stays silent this long past its horizon will not be known."""

GAP_MS_MAX = 5_000
"""A longer silence inside a horizon of up to a minute censors the label."""

PENDING_MAX = 10_000
"""Pending labels of one symbol; the oldest gives way."""

State = Literal["labelled", "flat", "censored", "expired", "overflow"]


@dataclass(frozen=True)
class LabelSpec:
    """A horizon label: y = 1 where the return over `horizon_ns` is above the dead band, 0 where below, else flat."""

    name: str
    horizon_ns: int
    band_bps: float = 0.0

    @property
    def grace_ns(self) -> int:
        """How much later than the horizon a record may still resolve the label."""
        return max(SECOND_NS // 2, self.horizon_ns // 10)

    @cached_property
    def hash(self) -> str:
        """The first 8 bytes (hex) of the sha256 of all that gives the label its meaning."""
        described = ["horizon", self.name, self.horizon_ns, self.grace_ns, self.band_bps]
        return hashlib.sha256(json.dumps(described).encode()).hexdigest()[:16]


UP_1S = LabelSpec("up1s", SECOND_NS)


class Pending(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A vector that waits for its label.

    offset: of its `features` record. time: event time of the vector. mid2: its mid in half ticks. p: the probability
    that was served. vector: what to learn from; empty when it is not to be learned. gapped: a silence lies inside.
    """

    offset: int
    time: int
    mid2: int
    p: float | None
    vector: bytes
    gapped: bool = False


class Outcome(NamedTuple):
    """The end of a pending label. y, r_bps: None where the state has none."""

    state: State
    y: int | None = None
    r_bps: float | None = None


def is_due(spec: LabelSpec, pending: Pending, time: int) -> bool:
    """Whether a record of the symbol at `time` resolves this label."""
    return time >= pending.time + spec.horizon_ns


def is_expired(spec: LabelSpec, pending: Pending, clock_ns: int) -> bool:
    """Whether the partition's clock has passed all waiting for it."""
    return clock_ns > pending.time + spec.horizon_ns + EXPIRY_NS


def outcome(spec: LabelSpec, pending: Pending, time: int, mid2: int, clock_ns: int) -> Outcome:
    """How a due label ends at the symbol's record of `time` and `mid2`."""
    if is_expired(spec, pending, clock_ns):
        return Outcome("expired")
    r_bps = 10_000 * math.log(mid2 / pending.mid2)
    if pending.gapped or time > pending.time + spec.horizon_ns + spec.grace_ns:
        return Outcome("censored", None, r_bps)
    if abs(r_bps) <= spec.band_bps:
        return Outcome("flat", None, r_bps)
    return Outcome("labelled", int(r_bps > 0), r_bps)


def mark_gap(spec: LabelSpec, pending: list[Pending], gap_ms: int) -> list[Pending]:
    """The pending labels after a record that came `gap_ms` after the one before."""
    if gap_ms <= GAP_MS_MAX or spec.horizon_ns > 60 * SECOND_NS:
        return pending
    return [msgspec.structs.replace(each, gapped=True) for each in pending]
