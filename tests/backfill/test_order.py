"""What is asked for, and how it is cut into chunks and paced."""

import asyncio
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.backfill.order import CHUNK, Refused, chunks, order, told_since
from api.backfill.retry import MustWait, TokenBucket, delay, retry_after
from streams.bars import INTERVALS, interval_ns
from streams.instants import SECOND
from tests.backfill.scene import DAY, LATER, SINCE, SYMBOL, Clock

NOW_S = 1_750_000_000.0


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 0),
        ("7", 7),
        (" 120 ", 120),
        ("Sun, 15 Jun 2025 15:06:50 GMT", 10),
        ("Sun, 15 Jun 2025 15:06:30 GMT", 0),
        ("Sunday, 15-Jun-25 15:06:50 GMT", 10),
        ("Sun Jun 15 15:06:50 2025", 10),
        ("-5", 0),
        ("soon", 0),
        ("", 0),
    ],
)
def test_retry_after_is_a_number_or_a_date(header: str | None, seconds: float) -> None:
    assert retry_after(header, NOW_S) == seconds


@given(st.integers(0, 7), st.floats(0, 300), st.floats(0, 1, exclude_max=True))
def test_a_delay_is_drawn_below_a_doubling_bound_and_never_below_what_was_asked(
    attempt: int, asked: float, drawn: float
) -> None:
    seconds = delay(attempt, asked, lambda: drawn)
    assert asked <= seconds <= max(asked, min(60, 2**attempt))


def test_more_patience_than_five_minutes_is_another_runs() -> None:
    with pytest.raises(MustWait, match="301 s"):
        delay(0, 301, lambda: 0)


def test_requests_are_no_denser_than_their_rate() -> None:
    clock = Clock(0.0)
    bucket = TokenBucket(2, 3, clock.now, clock.sleep)

    async def take(count: int) -> list[float]:
        times = []
        for _ in range(count):
            await bucket.take()
            times.append(clock.at)
        return times

    assert asyncio.run(take(6)) == [0, 0, 0, 0.5, 1.0, 1.5]
    clock.at += 100
    assert asyncio.run(take(4)) == [101.5, 101.5, 101.5, 102.0]


@given(
    st.sampled_from(["kraken", "coingecko"]),
    st.sampled_from(list(INTERVALS)),
    st.integers(0, 200 * 86_400),
    st.integers(0, 200 * 86_400),
    st.integers(0, 200 * 86_400),
)
def test_chunks_cover_the_order_once_in_order_on_whole_bars(
    source: str, interval: str, since: int, length: int, now: int
) -> None:
    times = (since * SECOND, (since + length) * SECOND, now * SECOND)
    try:
        asked = order(source, SYMBOL, interval, *times)  # type: ignore[arg-type]  # one of the two
    except Refused:
        return
    steps = chunks(asked, now * SECOND)
    assert (steps[0].since, steps[-1].until) == (asked.since, asked.until)
    assert all(before.until == after.since for before, after in pairwise(steps))
    assert [step.number for step in steps] == list(range(len(steps)))
    told = told_since(asked.span, now * SECOND)
    for step in steps:
        assert step.since % asked.span == step.until % asked.span == 0
        is_told = source == "kraken" and step.since >= told
        longest = 719 * asked.span if is_told else max(CHUNK[asked.source], asked.span)
        assert 0 < step.until - step.since <= longest


def test_bars_that_have_not_closed_are_not_asked_for() -> None:
    asked = order("kraken", SYMBOL, "1h", SINCE, LATER + DAY, LATER + 1)
    assert asked.until == LATER
    with pytest.raises(Refused, match="no bar that has closed"):
        order("kraken", SYMBOL, "1h", LATER, LATER + DAY, LATER + interval_ns("1h") - 1)


@pytest.mark.parametrize("interval", [name for name in INTERVALS if name != "1d"])
def test_hourly_points_make_no_bars_finer_than_a_day(interval: str) -> None:
    with pytest.raises(Refused, match="too_coarse"):
        order("coingecko", SYMBOL, interval, SINCE, LATER, LATER)


@pytest.mark.parametrize("symbol", ["BTCUSD", "BTC/USD", "btc/usd.KRAKEN", "BTCUSDT.BINANCE_SPOT"])
def test_a_symbol_names_base_quote_and_venue(symbol: str) -> None:
    with pytest.raises(Refused, match="no symbol"):
        order("kraken", symbol, "1h", SINCE, LATER, LATER)
