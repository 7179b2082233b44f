"""How a pending label ends: by time, by return, by silence."""

import msgspec
import pytest

from models import labels
from models.labels import UP_1S, LabelSpec, Outcome, Pending

MS = 1_000_000
START = 1_760_000_000_000 * MS
WAITING = Pending(offset=3, time=START, mid2=20_000, p=0.6, vector=b"")
ONE_TICK_BPS = 10_000 * 2 / 20_000


def at(ms: int, mid2: int, *, gapped: bool = False, clock_ms: int | None = None) -> Outcome:
    """The outcome at a record `ms` after the vector."""
    pending = msgspec.structs.replace(WAITING, gapped=gapped)
    clock = START + (ms if clock_ms is None else clock_ms) * MS
    return labels.outcome(UP_1S, pending, START + ms * MS, mid2, clock)


@pytest.mark.parametrize(
    ("mid2", "state", "y"),
    [(20_002, "labelled", 1), (19_998, "labelled", 0), (20_000, "flat", None)],
)
def test_return_over_the_horizon_decides_the_class(mid2: int, state: str, y: int | None) -> None:
    ended = at(1_000, mid2)
    assert (ended.state, ended.y) == (state, y)
    assert ended.r_bps == pytest.approx((mid2 - 20_000) / 2 * ONE_TICK_BPS, abs=1e-3)


@pytest.mark.parametrize(
    ("ms", "state"), [(1_500, "labelled"), (1_501, "censored"), (61_000, "censored")]
)
def test_record_after_the_grace_censors(ms: int, state: str) -> None:
    assert at(ms, 20_002).state == state


def test_a_minute_past_the_horizon_nothing_is_known_any_more() -> None:
    assert at(61_001, 20_002) == Outcome("expired")
    assert at(1_200, 20_002, clock_ms=61_001) == Outcome("expired")


def test_silence_inside_the_horizon_censors() -> None:
    assert at(1_000, 20_002, gapped=True).y is None
    spec = LabelSpec("up5s", 5_000 * MS)
    assert not labels.mark_gap(spec, [WAITING], 5_000)[0].gapped
    assert labels.mark_gap(spec, [WAITING], 5_001)[0].gapped
    hours = LabelSpec("up4h", 4 * 3_600_000 * MS)
    assert not labels.mark_gap(hours, [WAITING], 5_001)[0].gapped


def test_label_is_due_at_the_horizon_and_not_a_nanosecond_before() -> None:
    assert labels.is_due(UP_1S, WAITING, START + 1_000 * MS)
    assert not labels.is_due(UP_1S, WAITING, START + 1_000 * MS - 1)


def test_return_inside_the_dead_band_is_flat() -> None:
    spec = LabelSpec("up1s", 1_000 * MS, band_bps=1.5)
    states = [
        labels.outcome(spec, WAITING, START + 1_000 * MS, mid2, START).state
        for mid2 in (19_996, 19_998, 20_002, 20_004)
    ]
    assert states == ["labelled", "flat", "flat", "labelled"]


def test_specs_differ_by_hash() -> None:
    assert LabelSpec("up1s", 1_000 * MS, 1.0).hash != UP_1S.hash
    assert LabelSpec("up5s", 5_000 * MS).grace_ns == 500 * MS
    assert LabelSpec("up60s", 60_000 * MS).grace_ns == 6_000 * MS
