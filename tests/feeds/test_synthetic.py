import asyncio
import bisect
import hashlib
from collections import Counter, defaultdict
from contextlib import aclosing
from itertools import islice
from typing import Any

import pytest

from streams import codec
from streams.feeds import reference
from streams.feeds.source import SECOND_NS, Batch, Event
from streams.feeds.synthetic import ROUNDS_START, SyntheticMarket, SyntheticSource, rounds
from streams.messages import Quote, Trade

MINUTES = 4
SLOTS_PER_MINUTE = 6000
GOLDEN = "e3f1f4821bf76ba7956c7bc5bf67e60b9fa6cab10d4fe17c75f024994ab910e4"
"""Of ten seconds of seed 7; a change of the market changes every run that was kept."""


@pytest.fixture(scope="module")
def market() -> list[Event]:
    """Some minutes of one seed, which hold several bursts."""
    slots = SyntheticMarket(3, 0, reference.SIMULATED).slots()
    return [event for slot in islice(slots, MINUTES * SLOTS_PER_MINUTE) for event in slot]


def first_seconds(seed: int, seconds: int = 10) -> list[Event]:
    return [event for batch in islice(rounds(seed, 1000), seconds) for event in batch]


def digest(events: list[Event]) -> str:
    return hashlib.sha256(b"\n".join(map(codec.encode, events))).hexdigest()


def test_same_seed_makes_the_same_bytes() -> None:
    assert digest(first_seconds(7)) == digest(first_seconds(7))
    assert digest(first_seconds(7)) != digest(first_seconds(8))


def test_seed_makes_the_same_bytes_on_every_machine() -> None:
    assert digest(first_seconds(7)) == GOLDEN


def test_rounds_of_any_length_hold_the_same_events() -> None:
    fine = [event for batch in islice(rounds(7, 10), 500) for event in batch]
    coarse = [event for batch in islice(rounds(7, 250), 20) for event in batch]
    assert fine == coarse


def test_round_holds_the_events_of_its_step_of_event_time() -> None:
    for index, batch in enumerate(islice(rounds(7, 100), 50)):
        start = ROUNDS_START + index * SECOND_NS // 10
        assert all(start <= event.time < start + SECOND_NS // 10 for event in batch)
        assert all(event.received == event.time for event in batch)


@pytest.mark.parametrize("step_ms", [0, -10, 5, 15])
def test_round_that_is_no_whole_number_of_slots_is_refused(step_ms: int) -> None:
    with pytest.raises(ValueError, match="10 ms"):
        next(rounds(7, step_ms))


def test_rates_are_those_of_real_markets(market: list[Event]) -> None:
    def per_second(kind: type) -> Counter[int]:
        return Counter(event.time // SECOND_NS for event in market if type(event) is kind)

    quotes, trades = per_second(Quote), per_second(Trade)
    assert 450 < quotes.total() / (60 * MINUTES) < 600
    assert 45 < trades.total() / (60 * MINUTES) < 85
    assert 1500 < max(quotes.values()) < 3000
    assert 900 < max(trades.values()) < 2100


def test_book_is_one_to_three_ticks_wide_and_shows_sizes(market: list[Event]) -> None:
    quotes = [event for event in market if isinstance(event, Quote)]
    assert {quote.ask - quote.bid for quote in quotes} == {1, 2, 3}
    assert all(quote.bid > 0 and quote.bid_size > 0 and quote.ask_size > 0 for quote in quotes)


def test_trade_takes_displayed_size_at_the_standing_price(market: list[Event]) -> None:
    standing: dict[str, Quote] = {}
    for event in market:
        if isinstance(event, Quote):
            standing[event.symbol] = event
            continue
        book = standing[event.symbol]
        price, size = (
            (book.ask, book.ask_size) if event.side == "buy" else (book.bid, book.bid_size)
        )
        assert (event.price, True) == (price, event.size <= size)


def test_queue_imbalance_predicts_the_next_second_as_in_real_markets(market: list[Event]) -> None:
    for symbol, quotes in by_symbol(market).items():
        assert 0.65 < predictive_power(quotes) < 0.85, symbol


def by_symbol(market: list[Event]) -> dict[str, list[Quote]]:
    quotes: dict[str, list[Quote]] = defaultdict(list)
    for event in market:
        if isinstance(event, Quote):
            quotes[event.symbol].append(event)
    return quotes


def predictive_power(quotes: list[Quote]) -> float:
    """Area under the curve: the chance that a rise was led by a larger imbalance than a fall."""
    times = [quote.time for quote in quotes]
    rises: list[float] = []
    falls: list[float] = []
    for quote in quotes[::10]:
        later = quotes[bisect.bisect_right(times, quote.time + SECOND_NS) - 1]
        move = later.bid + later.ask - quote.bid - quote.ask
        imbalance = (quote.bid_size - quote.ask_size) / (quote.bid_size + quote.ask_size)
        if move:
            (rises if move > 0 else falls).append(imbalance)
    falls.sort()
    below = sum(bisect.bisect_left(falls, rise) for rise in rises)
    return below / (len(rises) * len(falls))


def test_times_and_numbers_rise_and_no_price_leaves_its_market(market: list[Event]) -> None:
    assert [event.time for event in market] == sorted(event.time for event in market)
    for quotes in by_symbol(market).values():
        assert [quote.sequence for quote in quotes] == list(
            range(quotes[0].sequence, quotes[0].sequence + len(quotes))
        )
        first = quotes[0].bid
        assert all(0.9 * first < quote.bid < 1.1 * first for quote in quotes)


def test_later_start_never_repeats_a_trade_id_of_an_earlier_one() -> None:
    minute = 60 * SECOND_NS

    def ids(start: int) -> set[tuple[str, int]]:
        slots = SyntheticMarket(3, start, reference.SIMULATED).slots()
        return {
            (event.symbol, event.trade_id)
            for slot in islice(slots, SLOTS_PER_MINUTE)
            for event in slot
            if isinstance(event, Trade)
        }

    assert not ids(ROUNDS_START) & ids(ROUNDS_START + minute)


def live(
    speed: float, batches: int, warmup_s: float = 0
) -> tuple[list[Batch], SyntheticSource, float]:
    """The first batches under a clock that only sleeping moves, and the seconds slept."""
    now = [1_800_000_000 * SECOND_NS]
    started = now[0]

    async def sleep(seconds: float) -> None:
        now[0] += round(seconds * SECOND_NS)

    async def run() -> tuple[list[Batch], SyntheticSource, float]:
        clock: Any = lambda: now[0]  # noqa: E731 - three readers of one clock
        source = SyntheticSource(
            7, speed=speed, warmup_s=warmup_s, wall=clock, monotonic=clock, sleep=sleep
        )
        taken: list[Batch] = []
        async with aclosing(source.events()) as events:
            async for batch in events:
                taken.append(batch)
                if len(taken) == batches:
                    break
        return taken, source, (now[0] - started) / SECOND_NS

    return asyncio.run(run())


def test_live_market_runs_with_the_wall_clock_from_the_start_of_the_feed() -> None:
    taken, source, slept = live(1.0, 500)
    first, last = taken[0][0], taken[-1][-1]
    assert first.time == 1_800_000_000 * SECOND_NS
    assert abs((last.time - first.time) / SECOND_NS - slept) < 0.02
    assert source.status.last_event_time == last.time
    assert source.status.counts.total() == sum(map(len, taken))


def test_live_market_is_the_pure_market_at_another_start() -> None:
    taken, _, _ = live(1.0, 200)
    start = taken[0][0].time
    pure = (slot for slot in SyntheticMarket(7, start, reference.SIMULATED).slots() if slot)
    assert taken == list(islice(pure, 200))


def test_every_event_names_its_seed() -> None:
    assert {event.source for event in first_seconds(7, 1)} == {"synthetic:7"}


def test_warm_up_comes_at_once_and_ends_where_the_wall_clock_stands() -> None:
    taken, _, slept = live(1.0, 400, warmup_s=2)
    start = 1_800_000_000 * SECOND_NS
    past = [batch for batch in taken if batch[-1].time <= start]
    assert taken[0][0].time == start - 2 * SECOND_NS
    assert len(past) > 100
    assert abs((taken[-1][-1].time - start) / SECOND_NS - slept) < 0.02
