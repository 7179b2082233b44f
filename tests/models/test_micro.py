"""The window sums against a naive recount over random streams, and the edges that the page names."""

import copy
import hashlib
import random
from typing import Literal, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import features, micro
from models.features import FEATURES, NAMES, READY_1S, READY_5S, READY_NOW, VECTOR
from models.micro import Micro
from tests.models.recount import Recount

MS = 1_000_000
SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND


class Tick(NamedTuple):
    """One random event. step_ms: event time after the one before; negative = disorder."""

    step_ms: int
    kind: Literal["quote", "empty", "trade"]
    price: int
    spread: int
    sizes: tuple[int, int]
    side: Literal["buy", "sell"]


steps = st.one_of(
    st.integers(0, 60), st.integers(-1500, 300), st.sampled_from([50, 250, 3000, 6000, 70_000])
)
ticks = st.builds(
    Tick,
    step_ms=steps,
    kind=st.sampled_from(["quote", "quote", "quote", "trade", "trade", "empty"]),
    price=st.integers(9_990, 10_010),
    spread=st.integers(0, 4),
    sizes=st.tuples(st.integers(1, 50), st.integers(1, 50)),
    side=st.sampled_from(["buy", "sell"]),
)


def apply(sums: Micro, naive: Recount, time: int, tick: Tick) -> None:
    admitted = micro.admit(sums, time)
    assert bool(admitted) == naive.admit(time)
    if not admitted:
        return
    assert admitted == naive.clock
    if tick.kind == "quote":
        micro.on_quote(sums, admitted, tick.price, tick.price + tick.spread, *tick.sizes)
        naive.quote((tick.price, tick.price + tick.spread, *tick.sizes))
    elif tick.kind == "empty":
        micro.on_no_book(sums, admitted)
        naive.quote(None)
    else:
        micro.on_trade(sums, admitted, tick.price, tick.sizes[0], tick.side)
        naive.trade(tick.price, tick.sizes[0], tick.side)


@settings(max_examples=150, deadline=None)
@given(st.lists(ticks, min_size=1, max_size=120))
def test_window_sums_equal_a_recount_of_all_events(stream: list[Tick]) -> None:
    sums, naive, time = Micro(), Recount(), START
    for number, tick in enumerate(stream):
        time += tick.step_ms * MS
        if number % 7 == 3:
            sums = copy.copy(sums)
        apply(sums, naive, time, tick)
        assert sums.ofi_sum + sums.ofi == naive.flow_1s()
        assert sums.buy_sum + sums.buy == naive.lots_5s("buy")
        assert sums.sell_sum + sums.sell == naive.lots_5s("sell")
        assert sums.trades_sum + sums.trades == naive.trades_5s()
        depths = naive.depths_60s()
        assert (sums.depth_sum, sums.depth_count) == (sum(depths), len(depths))


@settings(max_examples=150, deadline=None)
@given(st.lists(ticks, min_size=1, max_size=120))
def test_vectors_equal_the_formulas_over_a_recount(stream: list[Tick]) -> None:
    sums, naive, time = Micro(), Recount(), START
    for tick in stream:
        time += tick.step_ms * MS
        apply(sums, naive, time, tick)
        if not sums.bid:
            continue
        ready, packed = features.vector(sums)
        values, expected = VECTOR.unpack(packed), naive.vector()
        age = naive.clock - next(time for time, book in naive.quotes if book)
        assert ready == READY_NOW | READY_1S * (age >= SECOND) | READY_5S * (age >= 5 * SECOND)
        for bit, feature in enumerate(FEATURES):
            value = values[bit]
            assert str(value) != "-0.0"
            if ready >> bit & 1:
                clipped = max(feature.low, min(expected[feature.name], feature.high))
                assert value == pytest.approx(clipped, rel=1e-9, abs=1e-7), feature.name
            else:
                assert value == 0.0


def quoted(*books: tuple[int, int, int, int, int]) -> Micro:
    """The state after quotes (milliseconds after the start, bid, ask, sizes)."""
    sums = Micro()
    for at, bid, ask, bid_size, ask_size in books:
        micro.on_quote(sums, START + at * MS, bid, ask, bid_size, ask_size)
    return sums


def by_name(sums: Micro) -> dict[str, float]:
    return dict(zip(NAMES, VECTOR.unpack(features.vector(sums)[1]), strict=True))


def test_first_quote_gives_no_flow() -> None:
    assert quoted((0, 100, 101, 7, 9)).ofi == 0


def test_quote_after_an_empty_side_gives_no_flow() -> None:
    sums = quoted((0, 100, 101, 7, 9))
    micro.on_no_book(sums, START + 10 * MS)
    micro.on_quote(sums, START + 20 * MS, 105, 106, 70, 90)
    assert sums.ofi == 0
    assert sums.one_sided == 1


def test_instantaneous_features_of_a_known_book() -> None:
    values = by_name(quoted((0, 9_999, 10_001, 30, 10)))
    assert values["spread_bps"] == 2.0
    assert values["queue_imb"] == 0.5
    assert values["micro_dev"] == 0.5


def test_values_beyond_the_clip_are_clipped() -> None:
    values = by_name(quoted((0, 90, 110, 30, 10)))
    assert values["spread_bps"] == 100.0
    assert values["micro_dev"] == 50.0


def test_event_a_second_late_is_applied_at_the_clock_and_older_is_skipped() -> None:
    sums = quoted((5_000, 100, 101, 1, 1))
    assert micro.admit(sums, START + 4_000 * MS) == START + 5_000 * MS
    assert micro.admit(sums, START + 4_000 * MS - 1) == 0
    assert sums.late == 1


@pytest.mark.parametrize(
    ("prices", "buy", "sell"),
    [
        ((102,), 5, 0),
        ((99,), 0, 5),
        ((100,), 0, 0),
        ((99, 100), 5, 5),
        ((102, 100), 5, 5),
    ],
    ids=["above the mid", "below the mid", "at the mid, no change yet", "mid after a rise", "fall"],
)
def test_side_is_inferred_from_the_mid_then_from_the_last_change(
    prices: tuple[int, ...], buy: int, sell: int
) -> None:
    sums = quoted((0, 99, 101, 1, 1))
    for price in prices:
        micro.on_trade(sums, START, price, 5, "")
    assert (sums.buy, sums.sell, sums.inferred) == (buy, sell, len(prices))


def test_gap_of_minutes_clears_every_window_and_keeps_the_mid() -> None:
    sums = quoted((0, 100, 102, 7, 9), (10, 101, 103, 8, 8))
    micro.on_trade(sums, START + 20 * MS, 101, 4, "buy")
    micro.advance(sums, START + 300 * SECOND)
    assert (sums.ofi_sum, sums.buy_sum, sums.trades_sum, sums.depth_sum) == (0, 0, 0, 0)
    assert set(sums.mid2_1s) == set(sums.mid2_5s) == {204}


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
    assert features.SET_HASH == "f1ac431c53586804"


def test_a_committed_stream_gives_the_committed_vectors() -> None:
    """A change of these bytes asks for a new version of the set."""
    draw, sums, digest = random.Random(20), Micro(), hashlib.sha256()
    bid, time = 60_000, START
    for _ in range(20_000):
        time += draw.randrange(40 * MS)
        bid += draw.randrange(-2, 3)
        if draw.random() < 0.3:
            micro.on_trade(sums, time, bid + draw.randrange(2), draw.randrange(1, 9), "")
        else:
            sizes = draw.randrange(1, 99), draw.randrange(1, 99)
            micro.on_quote(sums, time, bid, bid + draw.randrange(3), *sizes)
        if features.is_due(sums):
            features.emitted(sums)
            digest.update(features.vector(sums)[1])
    assert sums.sequence == 4_003
    committed = "9959d76c54b1ae70209feb598e52d3e3751ef64bca1f35b88f8126b26f2832d8"
    assert digest.hexdigest() == committed
