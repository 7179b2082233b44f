"""The population stability index against its formula, and when it asks for a training."""

import math

import numpy as np
import pytest

from models.batch.shift import Bins, bins, moved
from models.report.shift import PSI_RETRAIN

ROWS = np.arange(1_000, dtype=np.float64)


def test_bins_are_deciles_and_the_same_rows_have_not_moved() -> None:
    found = bins(ROWS)
    assert len(found.edges) == 9
    assert found.shares == pytest.approx([0.1] * 10, abs=0.002)
    assert found.psi(found.counts(ROWS)) == 0.0


def test_the_index_is_that_of_the_formula() -> None:
    found = Bins((0.0,), (0.5, 0.5))
    expected = (0.8 - 0.5) * math.log(0.8 / 0.5) + (0.2 - 0.5) * math.log(0.2 / 0.5)
    assert found.psi(np.array([80, 20])) == pytest.approx(expected)


def test_a_feature_that_stood_still_has_one_bin_on_each_side_and_moves_when_it_does() -> None:
    found = bins(np.zeros(100))
    assert len(found.edges) == 1
    assert found.psi(found.counts(np.zeros(50))) == 0.0
    assert found.psi(found.counts(np.full(50, -1.0))) > PSI_RETRAIN


def test_an_empty_bin_is_a_large_number_and_no_infinity() -> None:
    found = bins(ROWS)
    assert 1 < found.psi(found.counts(ROWS + 2_000)) < 100


def test_three_features_must_have_moved_far_before_a_training_is_asked_for() -> None:
    assert moved({"a": 0.3, "b": 0.3, "c": 0.25}) == []
    assert moved({"a": 0.3, "b": 0.3, "c": 0.26, "d": 0.0}) == ["a", "b", "c"]
