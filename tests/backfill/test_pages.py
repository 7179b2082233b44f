"""The pages of the fake venue are those that are kept, and say what they should when they are read."""

import asyncio
import json
from decimal import Decimal

import pytest

from api.backfill import coingecko, kraken
from api.backfill.client import Again, Client, Failed
from api.backfill.fetched import Fetched, Reference, Unfit, decimal
from api.backfill.order import Chunk
from api.demo.past import Past, Trade
from api.demo.venue import Venue, listening
from streams.bars import Candle, Traded, built
from streams.instants import SECOND
from tests.backfill import recorded
from tests.backfill.faults import BUSY, RATE_LIMIT, RATE_LIMIT_POINTS
from tests.backfill.scene import DAY, SINCE, SYMBOL, Clock, wanted


def test_the_pages_are_the_same_on_every_machine() -> None:
    for name, page in recorded.pages().items():
        assert (recorded.FOLDER / name).read_bytes() == page, name


def fetched(shape: str, chunk: Chunk, past: Past) -> Fetched:
    order, at = wanted(shape)  # type: ignore[arg-type]  # a shape
    module = coingecko if shape == "points" else kraken

    async def run() -> Fetched:
        async with listening(Venue(past, int(at * SECOND), 100)) as venue:
            client = Client(venue.url, 1000, module.refused, Clock(at).world())
            try:
                if shape == "points":
                    return await coingecko.CoinGecko(order, client, "bitcoin").fetch(chunk, None)
                return await kraken.Kraken(order, client).fetch(chunk, None)
            finally:
                await client.close()

    return asyncio.run(run())


def test_bars_of_trades_are_counted_exactly() -> None:
    past = Past(3, SINCE, SINCE + DAY)
    found = fetched("trades", Chunk(0, SINCE, SINCE + DAY), past)
    assert [bar.ts for bar in found.bars] == [SINCE + hour * DAY // 24 for hour in range(24)]
    for bar in found.bars:
        assert bar == _naive(past.trades, bar.ts)
    assert (found.first_trade, found.last_trade) == (64_000_001, 64_000_001 + 24 * 60 - 1)


def _naive(trades: list[Trade], ts: int) -> Candle:
    """One bar, counted in whole ticks and lots by going through everything."""
    inside = [trade for trade in trades if ts <= trade.time < ts + DAY // 24]
    prices = [trade.price for trade in inside]
    size = Decimal(sum(trade.size for trade in inside)).scaleb(-8)
    told = (prices[0], max(prices), min(prices), prices[-1])
    first, high, low, last = (Decimal(ticks) / 10 for ticks in told)
    return Candle(SYMBOL, "1h", ts, first, high, low, last, size, "kraken")


def test_a_span_without_trades_has_no_bar() -> None:
    hour = DAY // 24
    trades = [Traded(n, n * 3 * hour, Decimal(1), Decimal(2)) for n in range(3)]
    assert [bar.ts // hour for bar in built(trades, SYMBOL, "1h", "kraken")] == [0, 3, 6]


def test_a_day_that_lacks_a_fifth_of_its_points_is_a_gap() -> None:
    order, _ = wanted("points")
    points = [
        Reference(SYMBOL, SINCE + n * DAY // 24, "coingecko", Decimal(n + 1), None, None)
        for n in range(72)
        if not 24 <= n < 30
    ]
    bars = coingecko.bars(points, order)
    assert [(bar.ts - SINCE) // DAY for bar in bars] == [0, 2]
    first, last = Decimal(1), Decimal(24)
    assert (bars[0].open, bars[0].high, bars[0].low, bars[0].close) == (first, last, first, last)


@pytest.mark.parametrize("body", [RATE_LIMIT, BUSY], ids=["limit", "busy"])
def test_kraken_says_in_a_200_that_it_should_be_asked_again(body: bytes) -> None:
    with pytest.raises(Again):
        kraken.refused(json.loads(body))


def test_kraken_says_in_a_200_that_it_refuses() -> None:
    with pytest.raises(Failed, match="Unknown asset pair"):
        kraken.refused({"error": ["EQuery:Unknown asset pair"]})
    kraken.refused({"error": [], "result": {}})


def test_coingecko_says_in_a_200_that_it_should_be_asked_again_or_refuses() -> None:
    with pytest.raises(Again):
        coingecko.refused(json.loads(RATE_LIMIT_POINTS))
    with pytest.raises(Failed, match="coin not found"):
        coingecko.refused({"error": "coin not found"})
    coingecko.refused({"prices": []})


@pytest.mark.parametrize("value", [True, "abc", "NaN", "Infinity", [], {}])
def test_what_is_no_number_is_no_price(value: object) -> None:
    with pytest.raises(Unfit, match="no number"):
        decimal(value)
