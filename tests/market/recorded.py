"""The recorded market data as messages, in ticks and lots, with the time of receipt as the clock."""

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from streams.messages import Quote, Trade
from tests.market import drive

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("HEADRACE_MARKET_DATA", ROOT.parent / "shared" / "market-data"))
INSTRUMENTS = {
    "BTCUSDT.BINANCE_SPOT": drive.instrument("BTCUSDT.BINANCE_SPOT", "0.01", "0.00001"),
    "BTCUSDT.BINANCE_USDM": drive.instrument("BTCUSDT.BINANCE_USDM", "0.1", "0.001"),
    "ETHUSDT.BINANCE_USDM": drive.instrument("ETHUSDT.BINANCE_USDM", "0.01", "0.001"),
}
MARKS = [
    pytest.mark.realdata,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"no market data in {DATA}"),
]
"""Of every test that reads it."""


def _columns(file: str, *names: str) -> Iterator[tuple[Any, ...]]:
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(DATA / file, columns=list(names))
    return zip(*(table[name].to_pylist() for name in names), strict=True)


def steps(symbol: str) -> tuple[float, float]:
    """Tick and lot."""
    made = INSTRUMENTS[symbol]
    return float(made.tick), float(made.lot)


@cache
def quotes() -> list[Quote]:
    """In the order of receipt."""
    names = "ts_ns", "symbol", "bid", "ask", "bid_size", "ask_size"
    made = []
    for number, (time, symbol, *book) in enumerate(_columns("crypto_quotes.parquet", *names)):
        tick, lot = steps(symbol)
        bid, ask, bid_size, ask_size = book
        prices = round(bid / tick), round(ask / tick)
        sizes = round(bid_size / lot), round(ask_size / lot)
        made.append(Quote(symbol, *prices, *sizes, time, time, number, "file"))
    return made


@cache
def trades() -> list[Trade]:
    """In the order of receipt."""
    names = "ts_ns", "symbol", "price", "size", "side"
    made = []
    for number, (time, symbol, price, size, side) in enumerate(
        _columns("crypto_trades.parquet", *names)
    ):
        tick, lot = steps(symbol)
        ticks, lots = round(price / tick), round(size / lot)
        made.append(Trade(symbol, ticks, lots, time, time, number, "file", side))
    return made
