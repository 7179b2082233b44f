"""P4: rows a second of the sink, from an engine's topic into SQL, against bare loops over the same rows in turn.

The bare loops read no log and keep no offsets: their rows are in memory, 5,000 a statement and a transaction. They also
show what COPY would bring.
"""

import asyncio
import gc
import os
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any, NamedTuple

import psycopg
from aiokafka import AIOKafkaProducer

from agents.sink import GC_THRESHOLDS
from sinks import arrays
from sinks.batch import RECORDS_MAX, Row, columns
from sinks.local import LocalPostgres
from sinks.migrate import migrate
from sinks.rows import BY_TOPIC
from sinks.run import Sink
from streams import admin, codec
from streams.local import LocalKafka
from streams.meter import NoMeter
from streams.settings import Settings
from streams.topics import TRADES
from tests.bench.context import Context
from tests.bench.row import Line
from tests.bench.row import Row as Result
from tests.sinks.messages import START_MS, trade
from tests.support.timescale import LocalTimescale

ROWS_MAX = 200_000
PARTITIONS = 2
TABLE = BY_TOPIC[TRADES.name]
UNIT = "rows/s"
GOAL = ">= 0.8"
NAMES = ", ".join(("ts", "log_partition", "log_offset", *(c.name for c in TABLE.columns)))
STAGING = f"CREATE TEMP TABLE staging AS SELECT {NAMES} FROM {TABLE.name} WITH NO DATA"

Connection = psycopg.AsyncConnection[Any]
Loop = Callable[[Connection, list[Row]], Awaitable[None]]


async def lists(sql: Connection, batch: list[Row]) -> None:
    """psycopg's own arrays."""
    given = [list(column) for column in zip(*batch, strict=True)]
    await sql.execute(TABLE.insert.replace("%b", "%s").encode(), given, prepare=True)


async def binary(sql: Connection, batch: list[Row]) -> None:
    """The sink's arrays."""
    await sql.execute(TABLE.insert.encode(), columns(TABLE, batch), prepare=True)


async def copy(sql: Connection, batch: list[Row], into: str = TABLE.name) -> None:
    """COPY in binary, which refuses the whole batch for one row that is there already."""
    types = ["timestamptz", "int4", "int8"] + [_sql_type(column.kind) for column in TABLE.columns]
    statement = f"COPY {into} ({NAMES}) FROM STDIN (FORMAT BINARY)".encode()
    async with sql.cursor() as cursor, cursor.copy(statement) as copying:
        copying.set_types(types)
        for time_ms, *others in batch:
            await copying.write_row((_timestamp(time_ms), *others))


async def staged(sql: Connection, batch: list[Row]) -> None:
    """COPY into a staging table, then INSERT .. ON CONFLICT from there, which is what a sink would need."""
    await copy(sql, batch, "staging")
    await sql.execute(
        f"INSERT INTO {TABLE.name} ({NAMES}) TABLE staging ON CONFLICT DO NOTHING".encode()
    )
    await sql.execute("TRUNCATE staging")


def _sql_type(kind: str) -> str:
    return {"bigint": "int8", "int": "int4"}.get(kind, kind)


def _timestamp(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


class Store(NamedTuple):
    """A database that rows go into. name: behind a line's name."""

    name: str
    url: str
    loops: dict[str, Loop]


async def bare(store: Store, loop: Loop, batches: list[list[Row]]) -> float:
    """Rows a second of one statement and one commit a batch."""
    await empty(store.url)
    async with await psycopg.AsyncConnection.connect(store.url, autocommit=True) as sql:
        arrays.register(sql)
        if loop is staged:
            await sql.execute(STAGING.encode())
        started = time.perf_counter()
        for batch in batches:
            async with sql.transaction():
                await loop(sql, batch)
        return sum(map(len, batches)) / (time.perf_counter() - started)


async def sink(store: Store, kafka: str, rows: int, number: int) -> float:
    """Rows a second of a whole sink, between its first and its last batch."""
    await empty(store.url)
    app = f"bench-{os.getpid()}-{len(store.loops)}-{number}"
    settings = Settings(app=app, brokers=kafka, partitions=PARTITIONS, postgres_url=store.url)
    stop, running = asyncio.Event(), Sink(settings, NoMeter())
    task = asyncio.create_task(running.run(stop))
    first: tuple[float, int] | None = None
    stored = 0
    while stored < rows:
        await asyncio.sleep(0.01)
        if task.done():
            raise RuntimeError(f"the sink ended with {task.result()}")
        stored = sum(running.status()["rows"].values())
        if stored and first is None:
            first = (time.perf_counter(), stored)
    assert first is not None
    seconds = time.perf_counter() - first[0]
    stop.set()
    await task
    return (stored - first[1]) / seconds


async def empty(url: str) -> None:
    """The schema, with no rows and no offsets."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as sql:
        await migrate(sql)
        await sql.execute(f"TRUNCATE {TABLE.name}, sink_offsets".encode())


def batches_of(count: int) -> list[list[Row]]:
    """The trades of the topic as rows, in batches."""
    rows: list[Row] = [
        (START_MS + n, n % PARTITIONS, n // PARTITIONS, *TABLE.row(trade(n))) for n in range(count)
    ]
    return [rows[at : at + RECORDS_MAX] for at in range(0, count, RECORDS_MAX)]


async def load(kafka: str, count: int) -> None:
    """`count` trades over the partitions of their topic."""
    await admin.apply(kafka, PARTITIONS, embedded=True)
    async with AIOKafkaProducer(bootstrap_servers=kafka, max_batch_size=1 << 19) as producer:
        for partition in range(PARTITIONS):
            batch = producer.create_batch()
            for number in range(partition, count, PARTITIONS):
                value, time_ms = codec.encode(trade(number)), START_MS + number
                if batch.append(key=None, value=value, timestamp=time_ms) is None:
                    await producer.send_batch(batch, TRADES.name, partition=partition)
                    batch = producer.create_batch()
                    batch.append(key=None, value=value, timestamp=time_ms)
            await producer.send_batch(batch, TRADES.name, partition=partition)


async def measure(
    context: Context, kafka: str, stores: list[Store], lines: dict[str, Line]
) -> list[float]:
    """All lines in turn, round by round; the load average as each round began."""
    count = min(context.events, ROWS_MAX)
    await load(kafka, count)
    batches, loads = batches_of(count), []
    for number in range(context.rounds):
        loads.append(os.getloadavg()[0])
        for store in stores:
            for name, loop in store.loops.items():
                lines[name + store.name].values.append(await bare(store, loop, batches))
            rate = await sink(store, kafka, count, number)
            lines["sink" + store.name].values.append(rate)
            context.say(f"round {number + 1}: sink{store.name}: {rate:,.0f} {UNIT}")
    return loads


POSTGRES: dict[str, Loop] = {
    "bare unnest": lists,
    "bare unnest, our arrays": binary,
    "bare COPY": copy,
    "bare COPY to staging, then insert": staged,
}
TIMESCALE: dict[str, Loop] = {"bare unnest": lists, "bare unnest, our arrays": binary}


def run(context: Context) -> Result:
    """One broker, one PostgreSQL, one TimescaleDB; the garbage collector as the sink's process sets it."""
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    with ExitStack() as started:
        kafka = started.enter_context(LocalKafka(context.directory / "sink-kafka"))
        postgres = started.enter_context(LocalPostgres(context.directory / "sink-postgres"))
        timescale = started.enter_context(LocalTimescale(context.directory / "sink-timescale"))
        stores = [
            Store("", postgres.url, POSTGRES),
            Store(", TimescaleDB", timescale.url, TIMESCALE),
        ]
        lines = {
            name + store.name: Line(
                name + store.name,
                UNIT,
                goal=GOAL if name == "sink" else "",
                yardstick=f"bare unnest{store.name}",
            )
            for store in stores
            for name in (*store.loops, "sink")
        }
        loads = asyncio.run(measure(context, kafka.bootstrap, stores, lines))
    return Result(
        code="P4",
        name="sink",
        title=f"{min(context.events, ROWS_MAX):,} trades, {PARTITIONS} partitions, into one table",
        lines=list(lines.values()),
        yardstick="bare unnest",
        subject="sink",
        loads=loads,
        notes=[
            "yardstick of each store: its bare loop with psycopg's own arrays; the sink reads, decodes, stores rows "
            "and offsets in one transaction, and is timed from its first batch to its last",
            "TimescaleDB is PGlite under Node: one process in WebAssembly, without COPY",
        ],
    )
