"""The mixture follows the better expert, keeps a share for the others, and hands weights on."""

import random

import pytest

from models import mixture
from streams.predictions import Answer


def test_weights_are_those_of_fixed_share_hedge() -> None:
    """r = exp(-0.15 (0.25 - 0.04)) = 0.968991; 0.99 r / (1 + r) + 0.005 = 0.492204."""
    found = mixture.learned({"a": 0.5, "b": 0.5}, {"a": 0.5, "b": 0.8}, 1)
    assert found == pytest.approx({"a": 0.49220439, "b": 0.50779561}, abs=1e-8)


def test_the_better_expert_comes_to_lead_and_none_is_forgotten() -> None:
    draw, weights = random.Random(1), {"good": 0.2, "bad": 0.4, "worse": 0.4}
    for _ in range(2_000):
        y = draw.randrange(2)
        weights = mixture.learned(weights, {"good": 0.3 + 0.4 * y, "bad": 0.5, "worse": 0.9}, y)
    assert weights["good"] > 0.6
    assert min(weights.values()) >= 0.01 / 3
    assert sum(weights.values()) == pytest.approx(1)


def test_probability_is_of_those_that_answered() -> None:
    weights = {"a": 0.6, "b": 0.3, "c": 0.1}
    answers = {
        "a": Answer("a", None, "model_missing"),
        "b": Answer("b", 0.9),
        "c": Answer("c", 0.5),
    }
    assert mixture.probability(weights, answers) == pytest.approx(0.8)
    assert mixture.probability(weights, {"a": answers["a"]}) is None


def test_an_expert_that_abstained_keeps_its_relative_weight() -> None:
    found = mixture.learned({"a": 0.5, "b": 0.5}, {"a": 0.0}, 1)
    assert found["a"] < 0.5 < found["b"]
    assert mixture.learned({"a": 0.7, "b": 0.3}, {}, 1) == {"a": 0.7, "b": 0.3}


def test_a_replaced_expert_inherits_its_weight() -> None:
    before = {"lin": 0.5, "v1": 0.4, "prior": 0.1}
    after = mixture.kept(before, ["lin", "v2", "prior"])
    assert after == pytest.approx({"lin": 0.5, "v2": 0.4, "prior": 0.1})


def test_an_expert_that_is_added_enters_with_an_equal_share() -> None:
    assert mixture.kept({}, ["a", "b"]) == {"a": 0.5, "b": 0.5}
    grown = mixture.kept({"a": 0.5, "b": 0.5}, ["a", "b", "c"])
    assert grown == pytest.approx({"a": 0.375, "b": 0.375, "c": 0.25})


def test_after_drift_half_is_forgotten() -> None:
    assert mixture.half_uniform({"a": 0.9, "b": 0.1}) == pytest.approx({"a": 0.7, "b": 0.3})
