"""The check of a day: the bars and examples that the database has of it, by the suites that loads and trainings keep.

What does not pass stays where it is, since trainings judge their rows again; whoever reads the results acts.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import psycopg

from api.backfill.order import Chunk, Order
from api.backfill.record import moment, nanoseconds
from api.backfill.run import chunk_rules
from api.quality import results
from api.train import sources
from models.batch import frame
from models.batch.known import features_of, spec_of
from models.batch.prepare import uniqueness
from models.batch.train import suite
from models.quality import candles
from models.quality.constraints import Column
from models.quality.request import Rules
from models.quality.verdict import Verdict
from streams.bars import Candle
from streams.instants import SECOND

HOUR = 3600 * SECOND
DAY = 24 * HOUR
ROWS_MIN = 100
"""Of an hour; fewer say nothing of its classes and features."""

KEYS = """
SELECT DISTINCT source, symbol, interval FROM bars WHERE ts >= %s AND ts < %s ORDER BY source, symbol, interval"""

BARS = """
SELECT symbol, interval, ts, open, high, low, close, volume, source FROM bars
WHERE source = %s AND symbol = %s AND interval = %s AND ts >= %s AND ts < %s ORDER BY ts"""

MODELS = """
SELECT DISTINCT model FROM examples
WHERE ts >= %s AND ts < %s AND lane = 'inline' AND state = 'labelled' ORDER BY model"""


class Judge(Protocol):
    """Whoever says whether columns keep rules: see `models.quality.validator`."""

    def validate(self, name: str, columns: Mapping[str, Column], rules: Rules) -> Verdict: ...


class Part(NamedTuple):
    """What is judged at once. name: of a run; chunk: the hour within it, of examples."""

    name: str
    columns: Mapping[str, Column]
    rules: Rules
    chunk: int = results.WHOLE


class Found(NamedTuple):
    """What became of a part."""

    name: str
    chunk: int
    verdict: Verdict


class Day(NamedTuple):
    """since: its first ns, UTC; name: of its date. now: ns."""

    name: str
    since: int
    now: int

    @property
    def until(self) -> int:
        return self.since + DAY


async def check(url: str, day: Day, judge: Judge) -> list[Found]:
    """Judge all there is, and store what was found of each part."""
    found = []
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as sql:
        async for part in _parts(sql, url, day):
            title = f"{part.name} {part.chunk:02}".replace("/", "-")  # it names a file
            verdict = await asyncio.to_thread(judge.validate, title, part.columns, part.rules)
            async with sql.transaction():
                await results.store(sql, part.name, verdict, part.chunk)
            found.append(Found(part.name, part.chunk, verdict))
    return found


async def _parts(sql: psycopg.AsyncConnection[Any], url: str, day: Day) -> AsyncIterator[Part]:
    span = [moment(day.since), moment(day.until)]
    for source, symbol, interval in await (await sql.execute(KEYS, span)).fetchall():
        order = Order(source, symbol, interval, day.since, day.until)
        rows = await sql.execute(BARS, [source, symbol, interval, *span])
        bars = [_bar(row) for row in await rows.fetchall()]
        rules = chunk_rules(order, Chunk(results.WHOLE, day.since, day.until), day.now)
        yield Part(f"{day.name} {order.key}", candles.columns(bars), rules)
    for model in await models(sql, day):
        async for hour, read in rows_of_hours(url, day, model):
            if len(read.frame) >= ROWS_MIN:
                yield _examples(day, model, hour, read)


def _bar(row: Sequence[Any]) -> Candle:
    given = dict(zip(Candle.__struct_fields__, row, strict=True))
    return Candle(**given | {"ts": nanoseconds(given["ts"])})


async def models(sql: psycopg.AsyncConnection[Any], day: Day) -> list[str]:
    """Those with labelled examples of the day."""
    rows = await sql.execute(MODELS, [moment(day.since), moment(day.until)])
    return [model for (model,) in await rows.fetchall()]


async def rows_of_hours(url: str, day: Day, model: str) -> AsyncIterator[tuple[int, frame.Read]]:
    """The rows that a training would take of each hour, since a whole day need not fit into memory."""
    features, spec = features_of(model), spec_of(model)
    for hour in range(24):
        since = day.since + hour * HOUR
        asked = sources.Range(model, since, since + HOUR)
        examples = await sources.collected(sources.history(url, asked))
        yield hour, frame.read(examples, features, spec, model)


def _examples(day: Day, model: str, hour: int, read: frame.Read) -> Part:
    features, spec = features_of(model), spec_of(model)
    known_by = day.since + (hour + 1) * HOUR + spec.horizon_ns + spec.grace_ns
    used = [bool(read.required >> bit & 1) for bit in range(len(features.names))]
    weight = uniqueness(read.frame)
    columns, rules = suite(read.frame, weight, features, used, known_by, rows_min=ROWS_MIN)
    return Part(f"{day.name} {model}", columns, rules, hour)
