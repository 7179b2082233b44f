"""Vectors against the formulas over a recount, what they may know, when they are due, and their committed bytes."""

import hashlib
import random

import pytest
from hypothesis import given

from models import features, micro, vpin
from models.features import (
    FEATURES,
    NAMES,
    READY_1S,
    READY_5S,
    READY_60S,
    READY_ALL,
    READY_NOW,
    READY_VPIN,
    VECTOR,
)
from models.micro import Micro
from tests.models.recount import SECOND
from tests.models.ticks import MS, START, Tick, quoted, streams, walked


@given(streams)
def test_vectors_equal_the_formulas_over_a_recount(stream: list[Tick]) -> None:
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
    draw, sums, digest = random.Random(20), Micro(), hashlib.sha256()
    vpin.adopt(sums.vpin, 200)
    bid, time, last = 60_000, START, 0
    for _ in range(20_000):
        time += draw.randrange(40 * MS)
        bid += draw.randrange(-2, 3)
        if draw.random() < 0.3:
            micro.on_trade(sums, time, bid + draw.randrange(2), draw.randrange(1, 9), "")
        else:
            sizes = draw.randrange(1, 99), draw.randrange(1, 99)
            micro.on_quote(sums, time, bid, bid + draw.randrange(3), *sizes)
        if features.is_due(sums):
            last, packed = features.vector(sums)
            features.emitted(sums)
            digest.update(last.to_bytes(4) + packed)
    assert (sums.sequence, last) == (4_003, READY_ALL)
    assert digest.hexdigest() == "f3dcab61b59b63a35747e5b2adf80a90eb5e8f74b0623a688026503fda6b1acf"
