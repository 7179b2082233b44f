"""Rows a second of the sink against bare unnest loops over the same rows, in turn: `python -m tests.sinks.rate`.

bare lists: psycopg's own lists, one INSERT a batch. bare arrays: the sink's binary arrays. Neither reads a log.
"""

import argparse
import asyncio
import gc
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
from streams.topics import TRADES
from tests.sinks.flow import settings
from tests.sinks.messages import START_MS, trade

TABLE = BY_TOPIC[TRADES.name]
LIST_CASTS = TABLE.insert.replace("%b", "%s")


async def load(kafka: str, count: int) -> None:
    """`count` trades over two partitions."""
    async with AIOKafkaProducer(bootstrap_servers=kafka, max_batch_size=1 << 19) as producer:
        for partition in range(2):
            batch = producer.create_batch()
            for number in range(partition, count, 2):
                value, time_ms = codec.encode(trade(number)), START_MS + number
                if batch.append(key=None, value=value, timestamp=time_ms) is None:
                    await producer.send_batch(batch, TRADES.name, partition=partition)
                    batch = producer.create_batch()
                    batch.append(key=None, value=value, timestamp=time_ms)
            await producer.send_batch(batch, TRADES.name, partition=partition)


def rows(count: int) -> list[list[Row]]:
    """The same trades as rows, in batches."""
    made = [(START_MS + n, n % 2, n // 2, *TABLE.row(trade(n))) for n in range(count)]
    return [made[at : at + RECORDS_MAX] for at in range(0, count, RECORDS_MAX)]


async def bare(url: str, batches: list[list[Row]], lay_out: Callable[[list[Row]], Any]) -> float:
    """Rows a second of one INSERT and commit a batch."""
    query = (TABLE.insert if lay_out is not lists else LIST_CASTS).encode()
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        arrays.register(connection)
        started = time.perf_counter()
        for batch in batches:
            async with connection.transaction():
                await connection.execute(query, lay_out(batch), prepare=True)
        return sum(map(len, batches)) / (time.perf_counter() - started)


def lists(batch: list[Row]) -> list[list[Any]]:
    return [list(column) for column in zip(*batch, strict=True)]


def binary(batch: list[Row]) -> list[arrays.Array]:
    return columns(TABLE, batch)


async def sink(kafka: str, url: str, count: int, number: int) -> tuple[float, float]:
    """Rows a second between the first and the last batch, and microseconds of our own processor time a row."""
    stop = asyncio.Event()
    running = Sink(settings(f"rate-{os.getpid()}-{number}", kafka, url), NoMeter())
    task = asyncio.create_task(running.run(stop))
    first: tuple[float, float, int] | None = None
    stored = 0
    while stored < count:  # noqa: ASYNC110  no event says how many rows there are
        await asyncio.sleep(0.01)
        stored = sum(running.status()["rows"].values())
        if stored and first is None:
            first = (time.perf_counter(), time.process_time(), stored)
    assert first is not None
    seconds, cpu = time.perf_counter() - first[0], time.process_time() - first[1]
    stop.set()
    await task
    return (stored - first[2]) / seconds, cpu / (stored - first[2]) * 1e6


async def fresh(url: str) -> None:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute("DROP SCHEMA public CASCADE")
        await connection.execute("CREATE SCHEMA public")
        await migrate(connection)


async def measure(kafka: str, url: str, count: int, rounds: int) -> None:
    await admin.apply(kafka, 2, embedded=True)
    await load(kafka, count)
    batches = rows(count)
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    seen: dict[str, list[float]] = {"bare lists": [], "bare arrays": [], "sink": [], "sink us": []}
    for number in range(rounds):
        await fresh(url)
        seen["bare lists"].append(await bare(url, batches, lists))
        await fresh(url)
        seen["bare arrays"].append(await bare(url, batches, binary))
        await fresh(url)
        rate, cpu = await sink(kafka, url, count, number)
        seen["sink"].append(rate)
        seen["sink us"].append(cpu)
    middle = {name: statistics.median(values) for name, values in seen.items()}
    for name, values in seen.items():
        print(f"{name:12} {middle[name]:>10,.1f}   {min(values):,.1f} to {max(values):,.1f}")
    for name in ("bare lists", "bare arrays"):
        print(f"sink / {name}: {middle['sink'] / middle[name]:.2f}")
    print(
        f"load average {os.getloadavg()}, {rounds} rounds of {count:,} rows, {sys.version.split()[0]}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        place.chmod(0o755)
        with LocalKafka(place / "kafka") as kafka, LocalPostgres(place / "postgres") as postgres:
            asyncio.run(measure(kafka.bootstrap, postgres.url, options.rows, options.rounds))


if __name__ == "__main__":
    main()
