"""The totals and windows against a naive recount over random streams, and the edges that the page names."""

import pytest
from hypothesis import given, settings

from models import micro
from tests.models.recount import SECOND
from tests.models.ticks import MS, START, Tick, long_stream, quoted, streams, walked


@settings(deadline=None)
@given(streams)
def test_window_sums_equal_a_recount_of_all_events(stream: list[Tick]) -> None:
    check_sums(stream)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(30))
def test_window_sums_of_longer_streams_equal_a_recount(seed: int) -> None:
    check_sums(long_stream(seed))


def check_sums(stream: list[Tick]) -> None:
    for sums, naive in walked(stream):
        of_1s, of_5s = sums.ring_1s[0], sums.ring_5s[0]
        of_60s, of_300s = sums.ring_60s[0], sums.ring_300s[0]
        flows = sums.ofi - of_1s[1], sums.ofi - of_5s[1], sums.ofi - of_60s[1]
        assert flows == (naive.flow(1), naive.flow(5), naive.flow(60))
        assert sums.buy - of_5s[2] == naive.lots(5, 1)
        assert sums.sell - of_60s[3] == naive.lots(60, -1)
        assert sums.trades - of_5s[4] == len(naive.done(5))
        assert sums.trades - of_300s[0] == len(naive.done(300))
        depths = naive.depths()
        assert (sums.depth - of_60s[5], sums.books - of_60s[6]) == (sum(depths), len(depths))
        assert sums.notional - of_60s[4] == sum(t.price * t.size for t in naive.done(60))
        if naive.quotes:
            squares = sums.squares - of_60s[7], sums.squares - of_300s[1]
            assert squares == (naive.squares(60), naive.squares(300))
        assert sums.vpin.imbalances == tuple(naive.imbalances()[-50:])


def test_first_quote_gives_no_flow() -> None:
    assert quoted((0, 100, 101, 7, 9)).ofi == 0


def test_quote_after_an_empty_side_gives_no_flow() -> None:
    sums = quoted((0, 100, 101, 7, 9))
    micro.on_no_book(sums, START + 10 * MS)
    micro.on_quote(sums, START + 20 * MS, 105, 106, 70, 90)
    assert sums.ofi == 0
    assert sums.one_sided == 1


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
    assert set(sums.ring_1s) == {(204, sums.ofi)}
    assert set(sums.ring_5s) == {(204, sums.ofi, 4, 0, 1)}
    assert set(sums.ring_60s) == {(204, sums.ofi, 4, 0, 404, 16, 1, sums.squares)}
    assert set(sums.ring_300s) == {(1, sums.squares)}
