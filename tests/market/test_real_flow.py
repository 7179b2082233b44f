"""Market, learner and strategist over the recorded market data: the signal is there, and it trades."""

import json
import os
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from agents.learner_tables import MODELS
from agents.strategies import STRATEGIES
from agents.strategist import Strategist
from models import micro
from models.micro import Micro
from streams import topics
from streams.messages import Quote, Trade
from streams.predictions import Label, Prediction
from tests.market import drive

FAST, SLOW = (model.name for model in MODELS)
ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("HEADRACE_MARKET_DATA", ROOT.parent / "shared" / "market-data"))
INSTRUMENTS = {
    "BTCUSDT.BINANCE_SPOT": drive.instrument("BTCUSDT.BINANCE_SPOT", "0.01", "0.00001"),
    "BTCUSDT.BINANCE_USDM": drive.instrument("BTCUSDT.BINANCE_USDM", "0.1", "0.001"),
    "ETHUSDT.BINANCE_USDM": drive.instrument("ETHUSDT.BINANCE_USDM", "0.01", "0.001"),
}
pytestmark = [
    pytest.mark.realdata,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"no market data in {DATA}"),
]


def columns(file: str, *names: str) -> Iterator[tuple[Any, ...]]:
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(DATA / file, columns=list(names))
    return zip(*(table[name].to_pylist() for name in names), strict=True)


def steps(symbol: str) -> tuple[float, float]:
    made = INSTRUMENTS[symbol]
    return float(made.tick), float(made.lot)


def quotes() -> Iterator[Quote]:
    rows = columns("crypto_quotes.parquet", "ts_ns", "symbol", "bid", "ask", "bid_size", "ask_size")
    for number, (time, symbol, bid, ask, bid_size, ask_size) in enumerate(rows):
        tick, lot = steps(symbol)
        prices = round(bid / tick), round(ask / tick)
        sizes = round(bid_size / lot), round(ask_size / lot)
        yield Quote(symbol, *prices, *sizes, time, time, number, "file")


def trades() -> Iterator[Trade]:
    rows = columns("crypto_trades.parquet", "ts_ns", "symbol", "price", "size", "side")
    for number, (time, symbol, price, size, side) in enumerate(rows):
        tick, lot = steps(symbol)
        yield Trade(
            symbol, round(price / tick), round(size / lot), time, time, number, "file", side
        )


@cache
def recorded() -> tuple[list[Prediction], list[Label], drive.Tables]:
    """Predictions and labels of the whole recording, receive time as the clock."""
    tables = drive.Tables(*INSTRUMENTS.values())
    ticks: list[Quote | Trade] = [*trades(), *quotes()]
    merged = sorted(ticks, key=lambda tick: tick.time)
    outputs = drive.learn(tables, drive.of(topics.FEATURES, drive.ticks(tables, merged)))
    return drive.of(topics.PREDICTIONS, outputs), drive.of(topics.LABELS, outputs), tables


def area_under_curve(pairs: list[tuple[float, int]]) -> float:
    """Probability that an up has the higher p (ties count half)."""
    ups = [p for p, y in pairs if y]
    downs = [p for p, y in pairs if not y]
    wins = sum((up > down) + (up == down) / 2 for up in ups for down in downs)
    return wins / (len(ups) * len(downs))


@pytest.mark.parametrize(
    ("symbol", "total"),
    [
        ("BTCUSDT.BINANCE_SPOT", -50.642810),
        ("BTCUSDT.BINANCE_USDM", -108.3560),
        ("ETHUSDT.BINANCE_USDM", 43.4920),
    ],
)
def test_order_flow_sums_to_the_published_totals(symbol: str, total: float) -> None:
    """In receive order; with one time for all, the open slot holds the whole sum."""
    sums = Micro()
    for quote in quotes():
        if quote.symbol == symbol:
            sizes = quote.bid_size, quote.ask_size
            micro.on_quote(sums, drive.START, quote.bid, quote.ask, *sizes)
    assert sums.ofi * steps(symbol)[1] == pytest.approx(total, abs=1e-6)


def test_the_served_probability_knows_something_and_not_too_much() -> None:
    """The page: 0.65 to 0.90 at 1 s; above is leakage."""
    _, labels, _ = recorded()
    labels = [label for label in labels if label.model == FAST]
    scored = [(label.p, label.y) for label in labels if label.p is not None and label.y is not None]
    assert len(scored) > 2_000
    assert 0.65 <= area_under_curve(scored[::3]) <= 0.90


def test_every_vector_gets_one_label_but_the_last_second() -> None:
    predictions, labels, tables = recorded()
    pending = sum(tables.waiting.lines.length(place) for place in tables.waiting.lines.places())
    assert len(labels) + pending == len(predictions)
    assert len({label.prediction_id for label in labels}) == len(labels)
    assert pending < 3 * (25 + 75)


def test_signal_trades_with_its_defaults_and_keeps_its_cooldown() -> None:
    predictions, _, tables = recorded()
    seat = Strategist("signal", STRATEGIES["signal"](), "paper")
    orders = [json.loads(order) for order in drive.trade(tables, seat, predictions)]
    by_symbol = Counter(order["symbol"] for order in orders)
    assert set(by_symbol) == set(INSTRUMENTS)
    assert all(10 <= count <= 660 / 5 + 1 for count in by_symbol.values()), by_symbol
    assert {order["side"] for order in orders} == {"buy"}
