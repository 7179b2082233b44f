import asyncio
import math
from itertools import count

import pytest

from streams.feeds import reference
from streams.feeds.backoff import Backoff
from streams.feeds.pacing import MAX_SPEED, Pacer, parse_speed
from streams.feeds.sequence import TradeNumbers
from streams.feeds.source import SECOND_NS
from streams.feeds.status import EXAMPLES_MAX, FeedStatus


def test_delays_double_up_to_the_cap_and_half_of_each_is_random() -> None:
    least = Backoff(random=lambda: 0.0, first_s=1, cap_s=5)
    most = Backoff(random=lambda: 1.0, first_s=1, cap_s=5)
    assert [least.next() for _ in range(5)] == [0.5, 1.0, 2.0, 2.5, 2.5]
    assert [most.next() for _ in range(5)] == [1.0, 2.0, 4.0, 5.0, 5.0]


def test_delays_start_anew_once_a_connection_worked() -> None:
    backoff = Backoff(random=lambda: 1.0, first_s=1, cap_s=100)
    assert [backoff.next() for _ in range(3)] == [1, 2, 4]
    backoff.reset()
    assert backoff.next() == 1


def test_delay_stays_at_the_cap_after_a_day_of_failures() -> None:
    backoff = Backoff(random=lambda: 1.0, failures=100_000)
    assert backoff.next() == backoff.cap_s


@pytest.mark.parametrize(
    ("ids", "new", "gaps", "missing", "duplicates"),
    [
        ([5, 6, 7], [5, 6, 7], 0, 0, 0),
        ([5, 9, 10, 12], [5, 9, 10, 12], 2, 4, 0),
        ([5, 5, 4, 6], [5, 6], 0, 0, 2),
        ([], [], 0, 0, 0),
    ],
)
def test_trade_numbers_tell_new_from_seen_and_count_holes(
    ids: list[int], new: list[int], gaps: int, missing: int, duplicates: int
) -> None:
    status = FeedStatus("feed")
    numbers = TradeNumbers(status)
    assert [number for number in ids if numbers.is_new("S", number)] == new
    assert (status.gaps, status.missing, status.duplicates) == (gaps, missing, duplicates)


def test_symbols_are_numbered_apart() -> None:
    status = FeedStatus("feed")
    numbers = TradeNumbers(status)
    assert numbers.is_new("A", 100) and numbers.is_new("B", 1) and numbers.is_new("A", 101)
    assert status.gaps == 0


@pytest.mark.parametrize(
    ("text", "speed"), [("max", MAX_SPEED), ("1", 1.0), ("10x", 10.0), ("0.5", 0.5)]
)
def test_speed_is_a_factor_or_max(text: str, speed: float) -> None:
    assert parse_speed(text) == speed


@pytest.mark.parametrize("text", ["0", "-1", "fast", "", "nan", "inf", "x"])
def test_other_speeds_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="speed"):
        parse_speed(text)


def paced(speed: float, offsets: list[int]) -> list[float]:
    """When each offset is released, in seconds, by a clock that only sleeping moves."""
    now = [0]

    async def sleep(seconds: float) -> None:
        now[0] += math.ceil(seconds * SECOND_NS)

    async def run() -> list[float]:
        pacer = Pacer(speed, lambda: now[0], sleep)
        released = []
        for offset in offsets:
            await pacer.until(offset)
            released.append(now[0] / SECOND_NS)
        return released

    return asyncio.run(run())


def test_recorded_speed_keeps_the_recorded_distances() -> None:
    assert paced(1.0, [0, SECOND_NS, 3 * SECOND_NS]) == [0.0, 1.0, 3.0]


def test_ten_times_the_speed_takes_a_tenth_of_the_time() -> None:
    assert paced(10.0, [0, 5 * SECOND_NS]) == [0.0, 0.5]


def test_full_speed_never_waits() -> None:
    assert paced(MAX_SPEED, [0, 10**18]) == [0.0, 0.0]


def test_delay_of_the_reader_does_not_add_up() -> None:
    ticking = count(0, SECOND_NS)  # each look at the clock takes a second
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    async def run() -> None:
        pacer = Pacer(1.0, lambda: next(ticking), sleep)
        await pacer.until(0)
        await pacer.until(2 * SECOND_NS)
        await pacer.until(10 * SECOND_NS)

    asyncio.run(run())
    assert waited == [7.0]


def test_status_keeps_only_the_last_examples_and_short_ones() -> None:
    status = FeedStatus("feed")
    for number in range(100):
        status.quarantine("BAD_FIELD", f"{number} " + "x" * 1000)
    assert status.quarantined["BAD_FIELD"] == 100
    assert len(status.examples) == EXAMPLES_MAX
    assert status.examples[-1].startswith("BAD_FIELD: 99 ") and len(status.examples[-1]) < 250


def test_shipped_instruments_are_found_by_their_symbols() -> None:
    assert all(symbol == item.symbol for symbol, item in reference.SHIPPED.items())
    assert {"BTCUSDT.BINANCE_SPOT", "BTC/USD.KRAKEN", "BTC/USD.SIM"} <= set(reference.SHIPPED)
