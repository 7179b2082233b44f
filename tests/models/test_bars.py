"""The features of closed bars against their formulas over all bars, their gaps, and their committed bytes."""

import hashlib
import math
import random
import statistics
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import bars
from models.bars import FEATURES, NAMES, READY_ALL, VECTOR, Bars
from streams.messages import Bar

HOUR = 3_600_000_000_000
MONDAY = 1_704_067_200_000_000_000
"""2024-01-01 00:00:00 UTC."""


def bar(number: int, close: int, volume: int = 5, high: int = 0, low: int = 0) -> Bar:
    """The bar of the hour `number`; it opens a tick below its close."""
    start, opened = MONDAY + number * HOUR, close - 1
    high, low = max(high, close), min(low or opened, opened)
    return Bar("S", opened, high, low, close, volume, start, start + HOUR - 1, 0, "test")


@st.composite
def histories(draw: st.DrawFn) -> list[Bar]:
    """Up to 130 bars with gaps, long enough for every window."""
    steps = draw(st.lists(st.sampled_from([1, 1, 1, 1, 2, 5, 40]), max_size=130))
    seeded, number, made = draw(st.randoms(use_true_random=False)), 0, []
    for step in steps:
        number += step
        close = seeded.randrange(900, 1_100)
        wide = {"high": close + seeded.randrange(3), "low": close - 1 - seeded.randrange(3)}
        made.append(bar(number, close, seeded.randrange(1_000), **wide))
    return made


def naive(made: Sequence[Bar]) -> dict[str, float | None]:
    """The features of the last bar, from all bars."""
    last, closes = made[-1], [each.close for each in made]
    returns = [math.log(b / a) for a, b in zip(closes, closes[1:], strict=False)]
    volumes = [round(1e6 * math.log(1 + each.volume)) for each in made[-96:]]
    spread = statistics.pstdev(volumes)
    z = (volumes[-1] - statistics.fmean(volumes)) / spread if spread else 0.0
    end = (last.time + 1) / 1e9
    day, week = math.tau * (end % 86_400) / 86_400, math.tau * ((end // 86_400 + 3) % 7) / 7

    def back(count: int) -> float | None:
        return math.log(closes[-1] / closes[-1 - count]) if len(closes) > count else None

    def volatility(count: int) -> float | None:
        if len(returns) < count:
            return None
        return math.sqrt(sum(r * r for r in returns[-count:]))

    return {
        "ret_1": back(1),
        "ret_6": back(6),
        "ret_24": back(24),
        "rv_24": volatility(24),
        "rv_96": volatility(96),
        "range": math.log(last.high / last.low),
        "body": (last.close - last.open) / max(last.high - last.low, 1),
        "vol_z": z if len(made) >= 96 else None,
        "gap": min((last.start - made[-2].start) / HOUR - 1, 24.0) if len(made) > 1 else None,
        "tod_sin": math.sin(day),
        "tod_cos": math.cos(day),
        "dow_sin": math.sin(week),
        "dow_cos": math.cos(week),
    }


@settings(deadline=None)
@given(histories())
def test_vectors_equal_the_formulas_over_all_bars(made: list[Bar]) -> None:
    rows = bars.vectors(made)
    assert [row.time for row in rows] == [each.time for each in made]
    for count in {1, 2, 30, len(made)} & set(range(1, len(made) + 1)):
        row, expected = rows[count - 1], naive(made[:count])
        assert tuple(expected) == NAMES
        for bit, value in enumerate(expected.values()):
            assert bool(row.ready >> bit & 1) == (value is not None)
            assert row.values[bit] == pytest.approx(value or 0.0, rel=1e-9, abs=1e-9), NAMES[bit]


@settings(deadline=None)
@given(histories(), st.integers(0, 130))
def test_one_bar_at_a_time_gives_the_same_bytes_and_no_vector_knows_what_comes_after(
    made: list[Bar], count: int
) -> None:
    state = Bars()
    assert [bars.update(state, each) for each in made] == bars.vectors(made)
    assert bars.vectors(made[:count]) == bars.vectors(made)[:count]


def values(made: Sequence[Bar]) -> dict[str, float]:
    return dict(zip(NAMES, bars.vectors(made)[-1].values, strict=True))


def test_missing_bars_are_told_and_not_filled() -> None:
    assert values([bar(0, 100), bar(3, 110)])["gap"] == 2.0
    assert values([bar(0, 100), bar(3, 110)])["ret_1"] == math.log(1.1)
    assert values([bar(0, 100), bar(500, 110)])["gap"] == 24.0


def test_day_and_week_begin_with_the_bar_that_closes_at_midnight() -> None:
    closed = values([bar(-1, 100)])
    assert (closed["tod_sin"], closed["dow_sin"]) == (0.0, 0.0)
    assert (closed["tod_cos"], closed["dow_cos"]) == (1.0, 1.0)


@pytest.mark.parametrize("number", [0, -1])
def test_bar_that_does_not_come_after_the_one_before_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match="does not begin after"):
        bars.vectors([bar(0, 100), bar(number, 100)])


def test_a_flat_market_gives_no_volume_score_and_no_negative_zero() -> None:
    flat = [Bar("S", 9, 9, 9, 9, 3, n * HOUR, (n + 1) * HOUR - 1, 0, "test") for n in range(1, 101)]
    row = bars.vectors(flat)[-1]
    assert row.ready == READY_ALL
    assert values(flat)["vol_z"] == 0.0
    assert "-0.0" not in map(str, row.values)


def test_committed_bars_give_the_committed_vectors() -> None:
    """A change of these bytes asks for a new version of the set."""
    draw, close, digest = random.Random(4), 60_000, hashlib.sha256()
    made = []
    for number in range(400):
        close += draw.randrange(-90, 91)
        wide = {"high": close + draw.randrange(50), "low": close - 1 - draw.randrange(50)}
        made.append(bar(number + number // 50, close, draw.randrange(10**6), **wide))
    for row in bars.vectors(made):
        digest.update(row.time.to_bytes(8) + row.ready.to_bytes(4) + VECTOR.pack(*row.values))
    assert (bars.SET_HASH, len(FEATURES)) == ("b4cf789666a0091d", 13)
    assert digest.hexdigest() == "88a2eedb6e4d150362b38a9f56cd561f3829230a962093e538be8a3fc0e25b15"
