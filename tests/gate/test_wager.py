"""How often the gate promotes what is no better, how soon it finds what is, over a thousand simulated markets."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.gate import wager
from models.gate.settings import GateSettings
from models.gate.wager import Wager
from tests.gate import simulate
from tests.gate.simulate import Array

SETTINGS = GateSettings()
RUNS, LABELS = 1_000, 4_000
ALPHA = 0.05
P = st.floats(0.0, 1.0)


def _draw(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def _equals(draw: np.random.Generator, shape: tuple[int, ...]) -> tuple[Array, Array, Array]:
    """Two versions that are equally far from the truth, and outcomes."""
    truth = draw.uniform(0.3, 0.7, shape)
    old, new = (np.clip(truth + draw.normal(0, 0.1, shape), 0.01, 0.99) for _ in range(2))
    return old, new, (draw.uniform(size=shape) < truth).astype(float)


def _false_share(evidence: Array) -> float:
    return float(np.mean(evidence.max(axis=1) >= 1 / ALPHA))


def _smoothed(noise: Array, kept: float) -> Array:
    """First-order autoregression of unit variance along the last axis."""
    out = np.empty_like(noise)
    out[..., 0] = noise[..., 0]
    for step in range(1, noise.shape[-1]):
        out[..., step] = kept * out[..., step - 1] + math.sqrt(1 - kept**2) * noise[..., step]
    return out


@given(old=P, new=P, up=st.booleans())
def test_a_gain_is_never_more_than_the_most_it_could_have_been(
    old: float, new: float, up: bool
) -> None:
    if wager.is_bet(old, new, SETTINGS):
        assert -1 - 1e-9 <= wager.gain(old, new, up) <= 1 + 1e-9
        assert wager.gain(old, new, up) == pytest.approx(-wager.gain(new, old, up))


def test_who_abstains_or_hardly_differs_makes_no_bet() -> None:
    assert not wager.is_bet(None, 0.6, SETTINGS)
    assert not wager.is_bet(0.6, None, SETTINGS)
    assert not wager.is_bet(0.6, 0.604, SETTINGS)
    assert wager.is_bet(0.6, 0.606, SETTINGS)


def test_the_stake_comes_from_earlier_gains_alone() -> None:
    lucky = Wager()
    wager.bet(lucky, 1.0, SETTINGS)
    assert lucky.log_wealth == 0.0  # nothing was known before it
    assert wager.stake(lucky, SETTINGS) == pytest.approx((1 / 11) / (3.5 / 11))
    for _ in range(50):
        wager.bet(lucky, 1.0, SETTINGS)
    assert wager.stake(lucky, SETTINGS) == SETTINGS.stake_max
    unlucky = Wager()
    for _ in range(50):
        wager.bet(unlucky, -1.0, SETTINGS)
    assert unlucky.log_wealth == 0.0  # it never bets against the newcomer


def test_evidence_is_the_mean_of_the_symbols_that_were_fixed_at_the_start() -> None:
    wagers = {"a": Wager(log_wealth=math.log(9)), "late": Wager(log_wealth=50.0)}
    assert wager.evidence(wagers, ("a", "b")) == pytest.approx(5.0)
    assert wager.evidence({}, ()) == 1.0


def test_all_candidates_together_are_promoted_falsely_with_alpha_at_most() -> None:
    assert sum(1 / wager.threshold(j, SETTINGS) for j in range(1, 10_000)) < ALPHA
    assert wager.threshold(1, SETTINGS) == pytest.approx(32.9, abs=0.01)


def test_numpy_bets_as_the_gate_does() -> None:
    old, new, up = _equals(_draw(1), (3, 300))
    twin = simulate.log_wealth(simulate.gains(old, new, up))
    for run in range(3):
        one = Wager()
        for label in range(300):
            p, q = float(old[run, label]), float(new[run, label])
            if wager.is_bet(p, q, SETTINGS):
                wager.bet(one, wager.gain(p, q, bool(up[run, label])), SETTINGS)
            assert one.log_wealth == pytest.approx(twin[run, label], abs=1e-9)


def test_equals_are_promoted_in_at_most_five_of_a_hundred_markets() -> None:
    of = simulate.gains(*_equals(_draw(2), (RUNS, LABELS)))
    assert _false_share(simulate.evidence(of[None])) <= ALPHA


def test_overlapping_labels_would_deceive_it_and_thinned_ones_do_not() -> None:
    draw, overlap, runs = _draw(3), 20, RUNS
    steps = np.cumsum(draw.normal(size=(runs, LABELS + overlap)), axis=1)
    up = (steps[:, overlap:] > steps[:, :-overlap]).astype(float)
    old, new = (
        np.clip(0.5 + 0.1 * _smoothed(draw.normal(size=up.shape), 0.99), 0.01, 0.99)
        for _ in range(2)
    )
    of = simulate.gains(old, new, up)
    thinned = simulate.evidence(of[None, :, ::overlap])
    assert _false_share(thinned) <= ALPHA
    assert _false_share(simulate.evidence(of[None])) > 0.2


def test_five_symbols_that_move_together_are_no_five_witnesses() -> None:
    draw = _draw(4)
    old, new, up = _equals(draw, (RUNS, LABELS))
    of = np.array(
        [
            simulate.gains(
                np.clip(old + draw.normal(0, 0.02, old.shape), 0.01, 0.99),
                np.clip(new + draw.normal(0, 0.02, new.shape), 0.01, 0.99),
                np.where(draw.uniform(size=up.shape) < 0.9, up, 1 - up),
            )
            for _ in range(5)
        ]
    )
    assert _false_share(simulate.evidence(of)) <= ALPHA


def test_a_small_advantage_is_found_within_four_hundred_labels() -> None:
    """A gain of 0.17 deviations a label, against the threshold of a first candidate."""
    better, chance = 0.6, 0.6315
    of = simulate.gains(
        np.full((RUNS, LABELS), 0.5),
        np.full((RUNS, LABELS), better),
        (_draw(5).uniform(size=(RUNS, LABELS)) < chance).astype(float),
    )
    assert np.mean(of) / np.std(of) == pytest.approx(0.17, abs=0.005)
    after = simulate.found_after(simulate.evidence(of[None]), wager.threshold(1, SETTINGS))
    assert np.mean(np.isfinite(after)) >= 0.95
    assert np.median(after) <= 400
