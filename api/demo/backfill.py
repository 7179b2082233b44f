"""History from a venue that fails now and then, fetched twice into a database of its own: nothing is stored twice."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psycopg

from api.backfill.carry import Means, Outcome, carry_out
from api.backfill.client import World
from api.backfill.order import order
from api.demo.past import SECOND, Past
from api.demo.venue import Answer, Venue, answer, listening
from api.quality import pages
from sinks.local import LocalPostgres

DAYS = 4
DAY = 86_400 * SECOND
SINCE = 1_704_067_200 * SECOND
LATER = SINCE + 365 * DAY
"""When the venue tells bars of that time no more, only trades."""

SYMBOL = "BTC/USD.KRAKEN"
PAUSE_S = 0.01
"""A pause of the demo for each second that a source asks for."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Shown:
    """What two runs over the same range came to. hashes: of the bars after each."""

    outcomes: tuple[Outcome, ...]
    hashes: tuple[str, ...]
    faults: int
    bars: int

    @property
    def holds(self) -> bool:
        """Whether all is stored, and the second run changed nothing."""
        first, second = self.outcomes
        whole = {outcome.ending.state for outcome in self.outcomes} == {"succeeded"}
        return whole and first.changed > 0 and second.changed == 0 and len(set(self.hashes)) == 1


async def show(folder: Path, say: Say) -> Shown:
    """Run it; everything is in the folder, and gone with it."""
    say("starting PostgreSQL")
    database = await asyncio.to_thread(LocalPostgres(folder / "postgres").__enter__)
    try:
        return await _show(database.url, folder, say)
    finally:
        await asyncio.to_thread(database.__exit__, None, None, None)


async def _show(url: str, folder: Path, say: Say) -> Shown:
    wanted = order("kraken", SYMBOL, "1h", SINCE, SINCE + DAYS * DAY, LATER)
    venue = Venue(Past(7, SINCE, SINCE + (DAYS + 1) * DAY), faults=_faults())
    outcomes, hashes = [], []
    async with listening(venue):
        for time in ("first", "second"):
            say(f"{time} run: {DAYS} days of hours, built of trades and judged")
            outcomes.append(await carry_out(wanted, _means(url, folder, venue.url)))
            hashes.append(await _hash(url))
    bars = (wanted.until - wanted.since) // wanted.span
    return Shown(tuple(outcomes), tuple(hashes), len(venue.faults), bars)


def _means(url: str, folder: Path, base_url: str) -> Means:
    async def sleep(seconds: float) -> None:
        await asyncio.sleep(seconds * PAUSE_S)

    world = World(now=lambda: LATER / SECOND, sleep=sleep)
    return Means(url, pages.below(folder), base_url, rate=1000, world=world)


def _faults() -> dict[int, Answer]:
    """Some of what happens to who asks a venue all day."""

    async def busy(_venue: Venue, writer: asyncio.StreamWriter, _body: bytes) -> None:
        await answer(writer, 429, b"slow down", "retry-after: 2\r\n")

    async def down(_venue: Venue, writer: asyncio.StreamWriter, _body: bytes) -> None:
        await answer(writer, 503, b"maintenance")

    async def cut(_venue: Venue, writer: asyncio.StreamWriter, body: bytes) -> None:
        await answer(writer, 200, body[: len(body) // 2], length=len(body))
        writer.transport.abort()

    async def limited(_venue: Venue, writer: asyncio.StreamWriter, _body: bytes) -> None:
        await answer(writer, 200, b'{"error":["EAPI:Rate limit exceeded"]}')

    return {1: busy, 2: down, 5: cut, 7: limited}


async def _hash(url: str) -> str:
    """Of all bars, by the database."""
    query = "SELECT md5(string_agg(b::text, ',' ORDER BY symbol, interval, ts, source)) FROM bars b"
    async with await psycopg.AsyncConnection.connect(url) as sql:
        row = await (await sql.execute(query)).fetchone()
    return str(row[0]) if row else ""
