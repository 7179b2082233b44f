"""A past, a server that tells it, a world whose clock only sleep moves, and what a backfill of it leaves behind."""

import asyncio
import hashlib
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal

import psycopg
from rich.console import Console

from api.backfill.carry import Means, Outcome, carry_out
from api.backfill.client import World
from api.backfill.order import Order, order
from api.backfill.run import Judge
from api.demo.past import Past
from api.demo.venue import Answer, Venue, listening
from models.quality.candles import CandleRules, constraints, prepared
from models.quality.check import check
from models.quality.constraints import Column
from models.quality.verdict import Verdict
from streams.instants import SECOND

DAY = 86_400 * SECOND
SINCE = 1_704_067_200 * SECOND
LATER = SINCE + 400 * DAY
"""When Kraken tells no bars of the past any more, only trades."""

SYMBOL = "BTC/USD.KRAKEN"
Shape = Literal["trades", "bars", "points"]


@cache
def past(days: int = 2) -> Past:
    """A trade a minute for so many days, and some hours more, as a venue goes on trading."""
    return Past(7, SINCE, SINCE + days * DAY + DAY // 4)


class Quick:
    """The fast check alone, since Great Expectations takes 5 s to start; what it says is tested beside it."""

    def __init__(self, _docs: Path | None = None) -> None: ...

    def validate(self, _name: str, columns: Mapping[str, Column], rules: CandleRules) -> Verdict:
        return check(prepared(columns, rules), constraints(rules))

    def close(self) -> None: ...


@dataclass
class Clock:
    """Seconds that pass when somebody sleeps, and then only."""

    at: float
    slept: list[float] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += seconds
        await asyncio.sleep(0)

    def now(self) -> float:
        return self.at

    def world(self) -> World:
        return World(self.now, self.now, self.sleep, lambda: 0.5)


def wanted(shape: Shape, days: int = 2) -> tuple[Order, float]:
    """An order for a past in one of the shapes that sources tell, and the time (s) at which it is given."""
    until = SINCE + days * DAY
    at = (until + DAY // 8) if shape == "bars" else LATER
    if shape == "points":
        return order("coingecko", SYMBOL, "1d", SINCE, until, at), at / SECOND
    return order("kraken", SYMBOL, "1h", SINCE, until, at), at / SECOND


@dataclass
class Scene:
    """A backfill against a server with faults, in a database. at: of the clock when it begins, seconds."""

    database: str
    folder: Path
    shape: Shape = "trades"
    faults: dict[int, Answer] = field(default_factory=dict)
    judge: Callable[[Path | None], Judge] = Quick
    read_s: float = 10.0
    page_trades: int = 700
    days: int = 2
    world: World | None = None
    resume: str = ""
    printed: io.StringIO = field(default_factory=io.StringIO)

    def __post_init__(self) -> None:
        self.order, at = wanted(self.shape, self.days)
        self.clock = Clock(at)
        self.venue = Venue(
            past(self.days), int(at * SECOND), self.page_trades, faults=dict(self.faults)
        )

    def run(self) -> Outcome:
        """Carry it out."""
        return asyncio.run(self._run())

    async def _run(self) -> Outcome:
        async with listening(self.venue) as venue:
            return await carry_out(self.order, self.means(venue.url), self.resume)

    def means(self, base_url: str) -> Means:
        """What it is carried out with."""
        return Means(
            self.database,
            self.folder,
            base_url,
            rate=1000,
            world=self.world or self.clock.world(),
            read_s=self.read_s,
            judge=self.judge,
            console=Console(file=self.printed, width=200),
        )


def rows(database: str, sql: str) -> list[Any]:
    """What a query gives."""
    with psycopg.connect(database) as connection:
        return connection.execute(sql.encode()).fetchall()


def table_hash(database: str) -> str:
    """SHA-256 of all bars and reference prices, in order."""
    found = [
        *rows(database, "SELECT * FROM bars ORDER BY symbol, interval, ts, source"),
        *rows(database, "SELECT * FROM reference_prices ORDER BY symbol, ts, source"),
    ]
    held = [
        [value.astimezone(UTC) if isinstance(value, datetime) else value for value in row]
        for row in found
    ]
    return hashlib.sha256(repr(held).encode()).hexdigest()
