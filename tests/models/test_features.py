"""Vectors against the formulas over a recount, what they may know, when they are due, and their committed bytes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings

from models import bars, features, micro
from models.features import (
    FEATURES,
    NAMES,
    READY_1S,
    READY_5S,
    READY_60S,
    READY_NOW,
    READY_VPIN,
    VECTOR,
    Feature,
)
from models.micro import Micro
from tests.models import committed
from tests.models.recount import SECOND
from tests.models.ticks import MS, START, Tick, long_stream, quoted, streams, walked

ROOT = Path(__file__).resolve().parents[2]


@settings(deadline=None)
@given(streams)
def test_vectors_equal_the_formulas_over_a_recount(stream: list[Tick]) -> None:
    check_vectors(stream)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(30))
def test_vectors_of_longer_streams_equal_the_formulas(seed: int) -> None:
    check_vectors(long_stream(seed))


def check_vectors(stream: list[Tick]) -> None:
    for sums, naive in walked(stream):
        if not sums.bid:
            continue
        ready, packed = features.vector(sums)
        values, expected = VECTOR.unpack(packed), naive.vector()
        age = naive.clock - next(time for time, book in naive.quotes if book)
        assert ready == (
            READY_NOW
            | READY_1S * (age >= SECOND)
            | READY_5S * (age >= 5 * SECOND)
            | READY_60S * (age >= 60 * SECOND)
            | READY_VPIN * (len(naive.imbalances()) >= 50)
        )
        for bit, feature in enumerate(FEATURES):
            value = values[bit]
            assert str(value) != "-0.0"
            if ready >> bit & 1:
                clipped = max(feature.low, min(expected[feature.name], feature.high))
                assert value == pytest.approx(clipped, rel=1e-9, abs=1e-7), feature.name
            else:
                assert value == 0.0


@settings(deadline=None)
@given(streams, streams, streams)
def test_vector_never_depends_on_what_comes_after_it(
    before: list[Tick], after: list[Tick], other: list[Tick]
) -> None:
    def vectors(stream: list[Tick]) -> list[tuple[int, bytes]]:
        return [features.vector(sums) if sums.bid else (0, b"") for sums, _ in walked(stream)]

    count = len(before)
    assert vectors([*before, *after])[:count] == vectors([*before, *other])[:count]


def by_name(sums: Micro) -> dict[str, float]:
    return dict(zip(NAMES, VECTOR.unpack(features.vector(sums)[1]), strict=True))


def test_instantaneous_features_of_a_known_book() -> None:
    values = by_name(quoted((0, 9_999, 10_001, 30, 10)))
    assert values["spread_bps"] == 2.0
    assert values["queue_imb"] == 0.5
    assert values["micro_dev"] == 0.5


def test_values_beyond_the_clip_are_clipped() -> None:
    values = by_name(quoted((0, 90, 110, 30, 10)))
    assert values["spread_bps"] == 100.0
    assert values["micro_dev"] == 50.0


def test_vectors_are_due_at_multiples_of_the_interval() -> None:
    sums = quoted((30, 100, 101, 1, 1))
    assert features.is_due(sums)
    assert features.emitted(sums) == 0
    micro.on_quote(sums, START + 99 * MS, 100, 101, 2, 1)
    assert not features.is_due(sums)
    micro.on_quote(sums, START + 117 * MS, 100, 101, 2, 1)
    assert features.is_due(sums)
    assert features.emitted(sums) == 87
    assert sums.due == START + 200 * MS


def test_set_hash_changes_only_with_the_set() -> None:
    assert features.SET_HASH == "fcb6ac99078a6536"


def test_a_committed_stream_gives_the_committed_vectors() -> None:
    """A change of these bytes asks for a new version of the set."""
    assert committed.digest() == committed.SHA256


@pytest.mark.parametrize("seed", ["0", "1"])
def test_vectors_do_not_depend_on_the_seed_of_hashes(seed: str) -> None:
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    command = [sys.executable, "-m", "tests.models.committed"]
    printed = subprocess.check_output(command, env=environment, cwd=ROOT, text=True)
    assert printed.split() == [committed.SHA256]


@pytest.mark.parametrize("made", [FEATURES, bars.FEATURES], ids=["micro", "bars"])
def test_the_page_of_the_features_says_what_they_are(made: tuple[Feature, ...]) -> None:
    page = (ROOT / "docs" / "features.md").read_text().splitlines()
    for bit, f in enumerate(made):
        clip = f"{f.low:g} to {f.high:g}"
        row = f"| {bit} | `{f.name}` | `{f.formula}` | {f.window} | {f.unit} | {clip} |"
        assert row in page
