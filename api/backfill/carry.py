"""Carries out a backfill: the connection, the source, the judge and the pages on what it judged, put together."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import psycopg
from rich.console import Console

from api.backfill import coingecko, kraken
from api.backfill.client import Client, World
from api.backfill.order import Order
from api.backfill.progress import Progress
from api.backfill.record import Connection, Ending, Record, Run
from api.backfill.run import Backfill, Judge, Source
from api.quality import pages
from models.quality.validator import Validator
from sinks.migrate import migrate
from streams.crash import Passage, nowhere
from streams.instants import SECOND

CONNECT_S = 5
KEY_HEADER = "x-cg-demo-api-key"
STOPS = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True)
class Means:
    """What a run is carried out with. url: of the database; docs: folder of the pages on validations.

    base_url, rate (requests a second), key: of the source, where not the usual. coin: CoinGecko's name, if not known.
    judge: made once a run, with the folder of its pages.
    """

    url: str
    docs: Path
    base_url: str = ""
    rate: float = 0.0
    key: str = ""
    coin: str = ""
    world: World = field(default_factory=World)
    read_s: float = 30.0
    judge: Callable[[Path | None], Judge] = Validator
    passage: Passage = nowhere
    console: Console = field(default_factory=lambda: Console(stderr=True, highlight=False))


@dataclass(frozen=True)
class Outcome:
    """What a run came to. changed: rows that differ from before."""

    run: Run
    ending: Ending
    rows: int
    changed: int


async def carry_out(order: Order, means: Means, resume: str = "") -> Outcome:
    """Begin or go on with a run. Raises RunRefused, psycopg.OperationalError."""
    now = int(means.world.now() * SECOND)
    async with connected(means.url) as sql:
        record = Record(sql)
        run = await record.begin(order, resume, now)
        left = [step for step in run.steps if step.state != "loaded"]
        docs = means.docs / run.run_id
        loaded = len(run.steps) - len(left)
        with Progress(run.run_id, len(run.steps), loaded, console=means.console) as progress:
            source, client = _source(run.order, means, progress.retry)
            judge = means.judge(docs)
            try:
                backfill = Backfill(
                    run, record, source, judge, progress, means.world, means.passage
                )
                with _stopping(backfill.stop.set):
                    ending = await backfill.all()
            finally:
                await client.close()
                await asyncio.to_thread(judge.close)
        pages.prune(means.docs)
        ending = replace(ending, retries=progress.retries.total(), docs=pages.link(docs))
        await record.end(run, ending)
    return Outcome(run, ending, progress.rows, backfill.changed)


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Connection]:
    """A connection to a database with our tables. Raises psycopg.OperationalError."""
    async with await psycopg.AsyncConnection.connect(
        url, autocommit=True, connect_timeout=CONNECT_S, application_name="headrace-backfill"
    ) as sql:
        await migrate(sql)
        yield sql


def _source(order: Order, means: Means, on_retry: Callable[[str], None]) -> tuple[Source, Client]:
    """The source, and the client to close after it."""
    module = kraken if order.source == "kraken" else coingecko
    client = Client(
        means.base_url or module.BASE_URL,
        means.rate or module.RATE,
        module.refused,
        means.world,
        {KEY_HEADER: means.key} if means.key else {},
        means.read_s,
        on_retry,
    )
    if order.source == "kraken":
        return kraken.Kraken(order, client), client
    return coingecko.CoinGecko(order, client, means.coin or coingecko.COINS[order.base]), client


@contextmanager
def _stopping(stop: Callable[[], None]) -> Iterator[None]:
    """The first signal ends the run after the chunk at hand; a second one ends the process."""
    loop = asyncio.get_running_loop()

    def heard() -> None:
        stop()
        for number in STOPS:
            loop.remove_signal_handler(number)

    for number in STOPS:
        loop.add_signal_handler(number, heard)
    try:
        yield
    finally:
        for number in STOPS:
            loop.remove_signal_handler(number)
