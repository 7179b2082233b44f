"""VPIN's buckets: trades split exactly, sizes that change at an event time, and the size when nobody sets it."""

import pytest

from models import features, micro, vpin
from models.features import NAMES, READY_VPIN, VECTOR
from models.micro import Micro
from models.vpin import BUCKETS, DAY_NS, Vpin
from tests.models.ticks import MS, START, quoted

MIDNIGHT = START // DAY_NS * DAY_NS + DAY_NS
HOUR_NS = DAY_NS // 24


def test_trade_is_split_exactly_across_buckets() -> None:
    sums = quoted((0, 99, 101, 1, 1))
    vpin.adopt(sums.vpin, 10)
    sided(sums, 10, 25, -7)
    assert sums.vpin.imbalances == (10, 10, 0)
    assert (sums.vpin.end, sums.vpin.signed) == (40, 20)


@pytest.mark.parametrize("size", [10 * BUCKETS + 3, 10_000_003])
def test_trade_beyond_fifty_buckets_leaves_fifty(size: int) -> None:
    sums = quoted((0, 99, 101, 1, 1))
    vpin.adopt(sums.vpin, 10)
    sided(sums, 10, -10, size)
    assert sums.vpin.imbalances == (10,) * BUCKETS
    assert sums.vpin.value == 1.0
    assert sums.vpin.end - sums.buy - sums.sell == 7
    sided(sums, 20, -7)
    assert sums.vpin.imbalances[-1] == 4


def test_no_bucket_no_vpin() -> None:
    sums = quoted((0, 99, 101, 1, 1))
    sided(sums, 10, 25)
    assert sums.vpin == Vpin()


def sided(sums: Micro, ms: int, *sizes: int) -> None:
    """Trades at one time, bought where the size is positive."""
    for size in sizes:
        side = "buy" if size > 0 else "sell"
        micro.on_trade(sums, START + ms * MS, 100, abs(size), side)


def test_it_is_ready_after_fifty_buckets_and_their_mean_imbalance() -> None:
    sums = quoted((0, 99, 101, 1, 1))
    vpin.adopt(sums.vpin, 4)
    sided(sums, 10, *[3, -1] * 49, 3)
    assert not features.vector(sums)[0] & READY_VPIN
    sided(sums, 20, 1)
    ready, packed = features.vector(sums)
    value = dict(zip(NAMES, VECTOR.unpack(packed), strict=True))["vpin"]
    assert ready & READY_VPIN
    assert value == (49 * 2 + 4) / (50 * 4)


def test_another_size_holds_from_its_event_time_on_and_empties_what_was_gathered() -> None:
    sums = quoted((0, 99, 101, 1, 1))
    vpin.adopt(sums.vpin, 4)
    sums.vpin.planned, sums.vpin.planned_from = 6, START + 200 * MS
    sided(sums, 199, 5)
    assert (sums.vpin.bucket, sums.vpin.imbalances) == (4, (4,))
    sided(sums, 200, 5)
    assert (sums.vpin.bucket, sums.vpin.imbalances) == (6, ())
    assert (sums.vpin.end, sums.vpin.signed) == (11, 5)


def test_planning_the_size_in_force_changes_nothing() -> None:
    sums = quoted((0, 99, 101, 1, 1))
    vpin.adopt(sums.vpin, 4)
    sums.vpin.planned = 4
    sided(sums, 60, 5)
    sided(sums, 120, 5)
    assert sums.vpin.imbalances == (4, 4)


@pytest.mark.parametrize(
    ("hours_before", "lots", "bucket"),
    [(24, 1_000, 20), (12, 1_000, 40), (1, 1_000, 480), (0.5, 1_000, 0), (24, 0, 0), (24, 3, 1)],
)
def test_unset_it_is_a_fiftieth_of_the_day_before_at_its_pace_from_midnight_on(
    hours_before: float, lots: int, bucket: int
) -> None:
    sums, first = Micro(), MIDNIGHT - int(hours_before * HOUR_NS)
    micro.on_quote(sums, first, 99, 101, 1, 1)
    if lots:
        micro.on_trade(sums, first + MS, 100, lots, "buy")
    micro.on_quote(sums, MIDNIGHT - 1, 99, 101, 2, 1)
    assert sums.vpin.bucket == 0
    micro.on_quote(sums, MIDNIGHT + 5 * MS, 99, 101, 2, 1)
    assert sums.vpin.bucket == bucket


def test_once_known_the_size_stays_over_the_next_midnight() -> None:
    sums = Micro()
    micro.on_quote(sums, MIDNIGHT - 2 * HOUR_NS, 99, 101, 1, 1)
    micro.on_trade(sums, MIDNIGHT - HOUR_NS, 100, 50, "buy")
    micro.on_trade(sums, MIDNIGHT + HOUR_NS, 100, 9_000, "sell")
    micro.on_trade(sums, MIDNIGHT + DAY_NS, 100, 1, "sell")
    assert sums.vpin.bucket == 12
