"""How a pending label ends: by time, by return, by silence."""

import math
from typing import NamedTuple

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import labels
from models.labels import TB_60S, UP_1S, UP_4H, LabelSpec, Outcome, Pending

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


@pytest.mark.parametrize(("rv_bps", "away"), [(0.0, 2), (2.0, 4), (10.0, 20), (10.01, 21)], ids=str)
def test_barriers_lie_the_volatility_away_and_a_tick_or_the_floor_at_least(
    rv_bps: float, away: int
) -> None:
    assert labels.barriers(TB_60S, 20_000, rv_bps) == (20_000 - away, 20_000 + away)


def test_barriers_widen_with_the_root_of_the_horizon() -> None:
    spec = LabelSpec("tb15s", 15_000 * MS, kind="barrier", floor_bps=5.0)
    assert labels.barriers(spec, 20_000, 40.0) == (19_960, 20_040)
    assert labels.barriers(spec, 20_000, 2.0) == (19_990, 20_010)
    assert labels.barriers(UP_1S, 20_000, 40.0) == (0, 0)


BETWEEN = msgspec.structs.replace(WAITING, lower=19_980, upper=20_020)


@pytest.mark.parametrize(
    ("ms", "low", "high", "state", "y"),
    [
        (100, 19_981, 20_019, None, None),
        (100, 19_981, 20_020, "labelled", 1),
        (100, 19_980, 20_019, "labelled", 0),
        (100, 19_980, 20_020, "ambiguous", None),
        (60_000, 19_981, 20_019, "flat", None),
        (66_000, 19_981, 20_020, "labelled", 1),
        (66_001, 19_981, 20_020, "censored", None),
    ],
)
def test_first_barrier_touched_decides_the_class(
    ms: int, low: int, high: int, state: str | None, y: int | None
) -> None:
    time = START + ms * MS
    assert labels.is_due(TB_60S, BETWEEN, time, low, high) == (state is not None)
    if state is not None:
        ended = labels.outcome(TB_60S, BETWEEN, time, 20_010, time, low, high)
        assert (ended.state, ended.y) == (state, y)
        assert ended.r_bps == pytest.approx(10_000 * math.log(20_010 / 20_000))


def test_silence_inside_censors_a_touch_since_nobody_saw_which_came_first() -> None:
    gapped = msgspec.structs.replace(BETWEEN, gapped=True)
    assert labels.outcome(TB_60S, gapped, START + MS, 20_020, START, 20_000, 20_020).y is None


class Seen(NamedTuple):
    """A record: its time and the mids on the way to it, of which the last is its own."""

    step_ms: int
    mids: list[int]


@settings(deadline=None)
@given(
    st.lists(
        st.builds(
            Seen,
            st.integers(1, 9_000),
            st.lists(st.integers(19_975, 20_025), min_size=1, max_size=3),
        ),
        max_size=30,
    )
)
def test_first_touch_is_that_of_a_walk_over_every_mid(records: list[Seen]) -> None:
    pending, time, ended, mid2 = [BETWEEN], START, None, 20_000
    for record in records:
        time += record.step_ms * MS
        low, high = min(mid2, *record.mids), max(mid2, *record.mids)
        mid2 = record.mids[-1]
        if pending and labels.is_due(TB_60S, BETWEEN, time, low, high):
            ended = labels.outcome(TB_60S, pending.pop(), time, mid2, time, low, high)
    assert ended == walk(records)
    assert pending == ([] if ended else [BETWEEN])


def walk(records: list[Seen]) -> Outcome | None:
    """The slow twin: mid by mid."""
    time = START
    for record in records:
        time += record.step_ms * MS
        touched = {mid2 >= 20_020 for mid2 in record.mids if not 19_980 < mid2 < 20_020}
        if not touched and time < START + 60_000 * MS:
            continue
        r_bps = 10_000 * math.log(record.mids[-1] / 20_000)
        if time > START + 66_000 * MS:
            return Outcome("censored", None, r_bps)
        if len(touched) == 2:
            return Outcome("ambiguous", None, r_bps)
        return (
            Outcome("labelled", int(*touched), r_bps) if touched else Outcome("flat", None, r_bps)
        )
    return None


def test_label_of_a_bar_waits_for_the_bar_that_closes_four_hours_later() -> None:
    hours = 3_600_000
    assert not labels.is_due(UP_4H, WAITING, START + 4 * hours * MS - 1)
    end = START + 4 * hours * MS
    assert labels.outcome(UP_4H, WAITING, end, 20_002, end).y == 1
    assert labels.outcome(UP_4H, WAITING, end + hours * MS, 20_002, end).state == "censored"


def test_specs_of_the_catalogue_have_hashes_of_their_own() -> None:
    assert len({spec.hash for spec in labels.SPECS.values()}) == len(labels.SPECS) == 4
    assert UP_1S.hash == "f7d574ff5340d4ac"
