"""A valid frame of each suite, and for each of its expectations a change that breaks that one alone."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np

from models.quality import candles
from models.quality.candles import CandleRules, array
from models.quality.constraints import Column
from models.quality.training import TrainingRules

Columns = dict[str, Column]
Change = Callable[[Columns], Columns | None]

HOUR = 3600 * 10**9
SINCE = 1_704_067_200 * 10**9
BARS = 200
CANDLES = CandleRules(
    symbol="BTC/USD.KRAKEN",
    interval="1h",
    source="kraken",
    since=SINCE,
    until=SINCE + BARS * HOUR,
    as_of=SINCE + (BARS - 1) * HOUR,  # the last bar of the range has not closed
    tick="0.1",
)

ROWS = 1000
FEATURES = ("spread_bps", "queue_imb", "tod_sin")
TRAINING = TrainingRules(
    FEATURES,
    clip=((0.0, 100.0), (-1.0, 1.0), (-1.0, 1.0)),
    cutoff=SINCE + 2 * ROWS * 10**9,
    embargo=60 * 10**9,
    rows_min=500,
)


def bars() -> Columns:
    """Bars of a quiet market, in order, the last one left out."""
    count = BARS - 1
    opens = [Decimal(40_000) + i % 7 for i in range(count)]
    return {
        "symbol": array(["BTC/USD.KRAKEN"] * count),
        "interval": array(["1h"] * count),
        "ts": array([SINCE + i * HOUR for i in range(count)]),
        "open": array(opens),
        "high": array([price + 5 for price in opens]),
        "low": array([price - Decimal("4.5") for price in opens]),
        "close": array([price + 1 for price in opens]),
        "volume": array([Decimal("1.5")] * count),
        "source": array(["kraken"] * count),
    }


def examples() -> Columns:
    """Rows that a model may be trained on."""
    chance = np.random.default_rng(7)
    t0 = SINCE + np.arange(ROWS, dtype=np.int64) * 10**9
    return {
        "spread_bps": chance.uniform(0, 10, ROWS),
        "queue_imb": chance.uniform(-1, 1, ROWS),
        "tod_sin": np.zeros(ROWS),
        "symbol": np.array(["BTC/USD.KRAKEN"] * ROWS),
        "t0": t0,
        "known_at": t0 + 10**9,
        "y": np.arange(ROWS, dtype=np.int64) % 2,
        "w": np.full(ROWS, 0.5),
        "set_hash": np.array(["5f1c"] * ROWS),
    }


def put(name: str, row: int, value: object) -> Change:
    """A change of one value."""

    def change(columns: Columns) -> None:
        columns[name][row] = value

    return change


def shift(name: str, row: int, by: Any) -> Change:
    """A value moved by so much."""

    def change(columns: Columns) -> None:
        columns[name][row] += by

    return change


def swap(row: int, other: int) -> Change:
    """Two whole rows in each other's place."""

    def change(columns: Columns) -> None:
        for column in columns.values():
            column[row], column[other] = column[other], column[row]

    return change


def copy(row: int, over: int) -> Change:
    """A whole row over another."""

    def change(columns: Columns) -> None:
        for column in columns.values():
            column[over] = column[row]

    return change


def cut(rows: int) -> Change:
    """Only so many rows."""
    return lambda columns: {name: column[:rows] for name, column in columns.items()}


def turned_round(columns: Columns) -> Columns:
    """The same columns in another order."""
    return dict(reversed(columns.items()))


def doubled(columns: Columns) -> None:
    """One bar at twice the price, each of its prices."""
    for name in candles.GIVEN[3:7]:
        columns[name][100] *= 2


def hollow(columns: Columns) -> None:
    """Every tenth bar has one price."""
    for row in range(0, BARS - 1, 10):
        for name in ("high", "low", "close"):
            columns[name][row] = columns["open"][row]


def level(name: str, value: object) -> Change:
    """One value in every row."""

    def change(columns: Columns) -> None:
        columns[name][:] = value

    return change


def rare(columns: Columns) -> None:
    """Nearly all of one class."""
    columns["y"][:] = np.arange(ROWS) % 50 == 0


BROKEN_BARS: dict[str, Change] = {
    "columns": turned_round,
    "rows": cut(150),
    "symbol present": put("symbol", 3, None),
    "interval present": put("interval", 3, None),
    "ts present": put("ts", 3, None),
    "open present": put("open", 3, None),
    "high present": put("high", 3, None),
    "low present": put("low", 3, None),
    "close present": put("close", 3, None),
    "volume present": put("volume", 3, None),
    "source present": put("source", 3, None),
    "symbol in set": put("symbol", 3, "ETH/USD.KRAKEN"),
    "interval in set": put("interval", 3, "1m"),
    "source in set": put("source", 3, "elsewhere"),
    "prices positive": put("low", 3, Decimal(0)),
    "volume not negative": put("volume", 3, Decimal(-1)),
    "high >= open": shift("open", 3, Decimal(6)),
    "high >= close": shift("close", 3, Decimal(6)),
    "open >= low": shift("open", 3, Decimal(-5)),
    "close >= low": shift("close", 3, Decimal(-6)),
    "symbol, interval, ts, source unique": copy(4, over=5),
    "ts in order": swap(4, 5),
    "ts aligned": shift("ts", 3, 10**9),
    "ts in range": put("ts", 0, SINCE - HOUR),
    "closed": put("ts", BARS - 2, SINCE + (BARS - 1) * HOUR),
    "move from bar to bar": doubled,
    "share of hollow bars": hollow,
    "whole ticks": shift("high", 3, Decimal("0.05")),
}

BROKEN_EXAMPLES: dict[str, Change] = {
    "columns": turned_round,
    "rows": cut(400),
    "spread_bps present": put("spread_bps", 3, np.nan),
    "queue_imb present": put("queue_imb", 3, np.nan),
    "tod_sin present": put("tod_sin", 3, np.nan),
    "spread_bps in range": put("spread_bps", 3, np.inf),
    "queue_imb in range": put("queue_imb", 3, -1.01),
    "tod_sin in range": put("tod_sin", 3, 2.0),
    "spread_bps moves": level("spread_bps", 0.1),
    "queue_imb moves": level("queue_imb", 0.1),
    "t0 in order": swap(4, 5),
    "known_at > t0": shift("known_at", 3, -(10**9)),
    "known_at before embargo": put("known_at", 3, TRAINING.cutoff),
    "symbol, t0 unique": copy(4, over=5),
    "y in set": put("y", 3, 2),
    "share of each class": rare,
    "w present": put("w", 3, np.nan),
    "w in range": put("w", 3, 0.0),
    "one set_hash": put("set_hash", 3, "a000"),
}

NEVER_MISSING = ("symbol", "t0", "known_at", "y", "set_hash")
"""Columns of a training frame whose type has no missing value."""
