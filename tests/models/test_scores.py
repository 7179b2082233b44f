"""Scores in blocks are the scores of all labels together."""

import math
import random

import pytest

from models.scores import Tally, score


def test_scores_are_those_of_the_definitions() -> None:
    draw = random.Random(8)
    labelled = [(draw.uniform(0.05, 0.95), draw.randrange(2)) for _ in range(400)]
    same = [draw.random() < 0.6 for _ in labelled]
    blocks = []
    for start in range(0, 400, 100):
        tally = Tally()
        for (p, y), repeats in list(zip(labelled, same, strict=True))[start : start + 100]:
            tally = tally.after(p, y, repeats, y == 1)
        blocks.append(tally)
    found = score("lin", blocks)
    assert found is not None
    accuracy = sum((p > 0.5) == (y == 1) for p, y in labelled) / 400
    repeated = sum(same) / 400
    ups = sum(y for _, y in labelled) / 400
    assert found.labels == 400
    assert found.brier == pytest.approx(sum((p - y) ** 2 for p, y in labelled) / 400)
    logs = [math.log(p if y else 1 - p) for p, y in labelled]
    assert found.logloss == pytest.approx(-sum(logs) / 400)
    assert found.accuracy == pytest.approx(accuracy)
    assert found.expected == pytest.approx(sum(max(p, 1 - p) for p, _ in labelled) / 400)
    assert found.kappa_t == pytest.approx((accuracy - repeated) / (1 - repeated))
    assert found.kappa_m == pytest.approx((accuracy - ups) / (1 - ups))
    bins = [[(p, y) for p, y in labelled if int(p * 10) == number] for number in range(10)]
    gaps = [abs(sum(p - y for p, y in each)) for each in bins]
    assert found.ece == pytest.approx(sum(gaps) / 400)


def test_nothing_answered_is_no_score() -> None:
    assert score("lin", [Tally()]) is None


def test_a_baseline_that_is_always_right_leaves_no_kappa() -> None:
    found = score("lin", [Tally().after(0.4, 1, same=True, major=True)])
    assert found is not None
    assert (found.kappa_t, found.kappa_m) == (None, None)


def test_certainty_that_was_wrong_costs_a_bounded_log_loss() -> None:
    found = score("lin", [Tally().after(0.0, 1, same=False, major=False)])
    assert found is not None
    assert found.logloss < 35
