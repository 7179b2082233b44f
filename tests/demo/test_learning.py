"""History, quality, training, shadow and gate in one go, each as it is run alone."""

import asyncio
import math
import struct
from collections.abc import Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from api.demo import backfill, learning, shadow
from models.online.versions import NO_CHANGE, PRIOR
from streams.predictions import Example
from tests.gate.stream import SECOND_NS, START, example


class Sure:
    """A version that always says the same."""

    def predict(self, vector: Sequence[float]) -> float:
        return 0.75


def test_a_base_rate_knows_a_label_no_earlier_than_it_was_known() -> None:
    vector = struct.pack("<2d", 0.0, 0.0)
    given: list[Example] = []
    for number in range(4):
        at = START + number * SECOND_NS // 2  # a label is known two examples later
        plain = example(number, {}, up=True, time=at)
        given.append(replace(plain, vector=vector))
    found = list(shadow.answered(given, {"v1": Sure()}))
    said = [{answer.version: answer.p for answer in each.outputs} for each in found]
    assert [each[PRIOR] for each in said] == [1 / 2, 1 / 2, 2 / 3, 3 / 4]
    assert [each["v1"] for each in said] == [0.75] * 4
    assert all(math.isfinite(each[NO_CHANGE] or 0.0) for each in said)
    assert [(each.version, each.p) for each in found] == [(PRIOR, each[PRIOR]) for each in said]


@pytest.mark.soak
def test_history_that_is_fetched_twice_is_stored_once(tmp_path: Path) -> None:
    shown = asyncio.run(backfill.show(tmp_path, print))
    assert shown.holds, shown
    assert [outcome.ending.retries for outcome in shown.outcomes] == [shown.faults, 0]


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_bars_become_a_version_that_the_gate_lets_begin(tmp_path: Path) -> None:
    """The bars twice the same rows, the versions twice the same bytes; a verdict with its evidence."""
    shown = asyncio.run(learning.show(tmp_path, print))
    print(*shown.lines(), sep="\n")
    assert shown.holds
    assert [fetched.changed for fetched in shown.fetched] == [719, 0]
    verdict, evidence = shown.passed.verdict, shown.passed.evidence
    assert (verdict.action, shown.passed.alias.challenger) == ("canary", verdict.candidate)
    best = evidence.candidates[verdict.candidate]
    assert best.evidence > best.threshold and all(check.passed for check in best.checks)
