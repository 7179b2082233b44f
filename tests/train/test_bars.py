"""Models over bars learn from stored bars of whole ranges, with labels that were known a horizon later."""

import asyncio
import math
from decimal import Decimal
from random import Random

import msgspec
import pytest

from api.train import session
from api.train.run import Result
from models import bars
from models.batch import bar_rows
from models.batch.bar_rows import Prices
from models.batch.config import NO_END, Config
from models.batch.scorer import Scorer
from models.labels import UP_4H
from models.quality.verdict import Result as Expectation
from models.quality.verdict import Verdict
from models.registry import check_golden
from streams.settings import Settings
from tests.train.candles import Row, store
from tests.train.rows import START_NS

FIT = Verdict((Expectation("rows", True),))
HOUR = 3600 * 10**9
MODEL = "up4h.bars.all"
SYMBOL = "BTC/USD.T"
CONFIG = Config(MODEL, 0, NO_END, "bars", origin="test", interval="1h", cost_bps=52.0)


def prices(closes: list[str], *, missing: tuple[int, ...] = ()) -> list[Prices]:
    """Hourly bars with these closes, some of them missing."""
    return [
        Prices(START_NS + hour * HOUR, close, close, close, close, Decimal("0.5"))
        for hour, close in enumerate(map(Decimal, closes))
        if hour not in missing
    ]


def trending(count: int) -> list[Row]:
    """A price that moves one way for a day or so: the last hours tell the next ones."""
    chance = Random(11)
    price, way, rows = 1000.0, 1, []
    for hour in range(count):
        way = -way if chance.random() < 1 / 30 else way
        before, price = price, price * math.exp(way * 0.006 + chance.gauss(0, 0.004))
        high, low = max(before, price) * 1.001, min(before, price) * 0.999
        figures = [f"{value:.4f}" for value in (before, high, low, price)]
        rows.append((SYMBOL, START_NS + hour * HOUR, *figures, f"{chance.expovariate(0.1):.3f}"))
    return rows  # type: ignore[return-value]  # of one shape each


def test_a_label_is_the_close_of_the_bar_a_horizon_later_and_no_earlier() -> None:
    found = bar_rows.exact(prices(["10", "11", "12", "13", "9.5", "12"]), HOUR)
    made = bar_rows.examples(MODEL, SYMBOL, found, UP_4H, 52.0)
    assert [(each.y, each.known_at - each.time) for each in made] == [(0, 4 * HOUR), (1, 4 * HOUR)]
    assert made[0].r_bps == pytest.approx(10_000 * math.log(9.5 / 10))
    assert made[0].time == START_NS + HOUR - 1
    assert made[0].vector == bars.VECTOR.pack(*bars.vectors(found)[0].values)


def test_a_bar_that_is_missing_at_the_horizon_leaves_no_label() -> None:
    found = bar_rows.exact(prices(["10", "11", "12", "13", "14", "15"], missing=(4,)), HOUR)
    made = bar_rows.examples(MODEL, SYMBOL, found, UP_4H, 52.0)
    assert [(each.state == "labelled", each.y) for each in made] == [(False, None), (True, 1)]


def test_prices_and_volumes_become_whole_numbers_exactly() -> None:
    (first, second) = bar_rows.exact(prices(["10.25", "3"]), HOUR)
    assert (first.close, second.close, first.volume) == (1025, 300, 5)


@pytest.mark.batch
def test_a_model_over_stored_bars_is_trained_and_answers_as_it_was_registered(
    database: str,
) -> None:
    rows = trending(7_600)
    store(database, "test", "1h", rows, [(START_NS, START_NS + 7_600 * HOUR)])
    result = train(database)
    assert result.outcome.state == "succeeded", result.outcome.error
    for each in result.trained:
        assert each.version.state == "registered", each.refusals
        assert each.metrics["auc"] > 0.7
        check_golden(each.version, Scorer(each.version, each.files).predict)
    assert train(database).outcome.versions == result.outcome.versions


HUNDRED = 100 * HOUR
CHUNKS = [(START_NS + part * HUNDRED, START_NS + (part + 1) * HUNDRED) for part in range(4)]


@pytest.mark.parametrize("refused", [0, 2, 3], ids=["first", "inner", "last"])
def test_a_range_with_a_chunk_in_quarantine_is_not_learned_from(
    database: str, refused: int
) -> None:
    loaded = [chunk for chunk in CHUNKS if chunk != CHUNKS[refused]]
    kept = [row for row in trending(400) if any(since <= row[1] < until for since, until in loaded)]
    store(database, "test", "1h", kept, loaded, [CHUNKS[refused]])
    result = train(database)
    assert result.outcome.state == "failed"
    assert result.outcome.error.startswith("not_loaded: BTC/USD.T: 1 parts")
    since, until = loaded[0][0], loaded[0][1]
    inside = msgspec.structs.replace(CONFIG, since=since, until=until)
    assert train(database, inside).outcome.error.startswith("too_few")


def test_a_range_that_ends_after_what_was_loaded_is_not_learned_from(database: str) -> None:
    store(database, "test", "1h", trending(400), CHUNKS)
    later = msgspec.structs.replace(CONFIG, until=CHUNKS[-1][1] + HOUR)
    assert train(database, later).outcome.error.startswith("not_loaded: BTC/USD.T: 1 parts")
    other = msgspec.structs.replace(CONFIG, symbols=("ETH/USD.T",))
    assert train(database, other).outcome.error.startswith("not_loaded: ETH/USD.T")


def train(url: str, config: Config = CONFIG) -> Result:
    async def work() -> Result:
        settings = Settings(postgres_url=url)
        async with await session.connected(settings) as sql:
            return await session.train(settings, sql, config, "manual", None, lambda *given: FIT)

    return asyncio.run(work())
