"""Shifted features are told, from a count by hand and against known distributions, and unshifted ones are not."""

import math

import numpy as np
import pytest

from models.report import shift

DRAW = np.random.default_rng(5)
HOUR_NS = 3_600_000_000_000


def test_psi_is_that_of_a_count_by_hand() -> None:
    before = np.arange(100.0)
    now = np.concatenate([np.full(80, 5.0), np.full(20, 95.0)])
    p, q = [0.1] * 10, [0.8, *[1e-4] * 8, 0.2]
    by_hand = sum((b - a) * math.log(b / a) for a, b in zip(p, q, strict=True))
    assert shift.psi(before, now) == pytest.approx(by_hand, rel=1e-6)
    assert shift.psi(before, before) == 0.0
    assert shift.psi(np.zeros(100), np.zeros(100)) == 0.0, "a feature that never moves"


def test_ks_is_about_uniform_without_a_shift_and_small_with_one() -> None:
    same = [shift.ks_p(DRAW.normal(size=300), DRAW.normal(size=300)) for _ in range(400)]
    for level in (0.05, 0.2, 0.5):
        assert 0.5 * level < np.mean(np.array(same) < level) < 1.4 * level
    assert shift.ks_p(DRAW.normal(size=300), DRAW.normal(0.5, size=300)) < 1e-4


def vectors(hours: int, moved: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A row a minute, four features of which the last is never ready; the first `moved` move in the last day."""
    t0 = np.arange(hours * 60, dtype=np.int64) * (HOUR_NS // 60)
    x = DRAW.normal(size=(len(t0), 4))
    x[t0 >= t0[-1] - 24 * HOUR_NS, :moved] += 2.0
    return x, np.full(len(t0), 0b0111, dtype=np.int64), t0


def test_the_last_day_is_held_against_what_was_before() -> None:
    names = ("a", "b", "c", "d")
    found = shift.shifts(*vectors(72, 2), names)
    assert found["split"] == (72 * 60 - 1) * (HOUR_NS // 60) - 24 * HOUR_NS
    assert found["shifted"] == ["a", "b"]
    assert not found["retrain"], "two features are fewer than three"
    assert found["features"]["d"] == {"psi": None, "ks_p": None}
    assert shift.shifts(*vectors(72, 3), names)["retrain"]
    assert shift.shifts(*vectors(72, 0), names)["shifted"] == []


def test_less_than_a_day_is_held_half_against_half() -> None:
    x, ready, t0 = vectors(20, 0)
    assert shift.shifts(x, ready, t0, "abcd")["split"] == t0[-1] // 2
    assert shift.shifts(x[:0], ready[:0], t0[:0], "abcd")["features"] == {}
