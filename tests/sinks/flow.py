"""Load for a sink's topics, and the two sides of the comparison: what the log holds and what SQL holds."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
from aiokafka import AIOKafkaProducer

from sinks.rows import TABLES
from sinks.table import Table
from streams import codec, log
from streams.messages import State
from streams.meter import NoMeter
from streams.settings import Settings
from streams.topics import ALIAS, EVENTS, FILLS, POSITIONS, TRADES, Topic
from tests.sinks.conftest import PARTITIONS
from tests.sinks.messages import START_MS, alias, fill, order_event, position, trade

REPOSITORY = Path(__file__).parents[2]
KEY = b"any"
DEADLINE_S = 40.0
SESSION_S = 1.0

Places = set[tuple[int, int]]


def settings(app: str, kafka: str, database: str, valkey: str = "") -> Settings:
    return Settings(
        app=app,
        brokers=kafka,
        partitions=PARTITIONS,
        postgres_url=database,
        redis_url=valkey,
        session_timeout_s=SESSION_S,
    )


async def produce(kafka: str, rounds: int, *, size: int = 50, pause_s: float = 0.0) -> None:
    """Transactions over five topics, every fifth of them aborted, so that offsets have gaps."""
    async with AIOKafkaProducer(bootstrap_servers=kafka, transactional_id="sink-load") as producer:
        for number in range(rounds):
            await producer.begin_transaction()
            await asyncio.gather(*_sent(producer, number, size))
            if number % 5 == 4:
                await producer.abort_transaction()
            else:
                await producer.commit_transaction()
            await asyncio.sleep(pause_s)


def _sent(producer: AIOKafkaProducer, number: int, size: int) -> list[asyncio.Future[object]]:
    messages: list[tuple[Topic, int, object]] = [(ALIAS, 0, alias(number))]
    for at in range(number * size, number * size + size):
        partition = at % PARTITIONS
        end: State = "FILLED" if at % 4 < 2 else "WORKING"
        messages += [
            (TRADES, partition, trade(at)),
            (FILLS, partition, fill(at)),
            (POSITIONS, partition, position(at, account=f"paper-{partition}")),
            (EVENTS, partition, order_event(at, end)),
        ]
    return [
        asyncio.ensure_future(
            producer.send_and_wait(
                topic.name,
                codec.encode(message),
                KEY,
                partition=partition,
                timestamp_ms=START_MS + number,
            )
        )
        for topic, partition, message in messages
    ]


def logged(kafka: str) -> dict[str, Places]:
    """The committed (partition, offset) of every topic that has a table, by table."""

    async def run() -> dict[str, Places]:
        return {
            table.name: {
                (r.partition, r.offset) for r in await log.read_all(kafka, table.topic.name)
            }
            for table in TABLES
        }

    return asyncio.run(run())


def stored(database: str) -> dict[str, Places]:
    """The (partition, offset) of every row, by table; no row twice."""
    with psycopg.connect(database) as connection:
        return {table.name: _places(connection, table) for table in TABLES}


def _places(connection: psycopg.Connection, table: Table) -> Places:
    rows = connection.execute(
        f"SELECT log_partition, log_offset FROM {table.name}".encode()
    ).fetchall()
    assert len(rows) == len(set(rows)), f"{table.name} has a record twice"
    return {(int(partition), int(offset)) for partition, offset in rows}


def row_count(database: str) -> int:
    """All rows; 0 before the tables are made, or while the database is away."""
    counts = " + ".join(f"(SELECT count(*) FROM {table.name})" for table in TABLES)
    try:
        with psycopg.connect(database, connect_timeout=2) as connection:
            row = connection.execute(f"SELECT {counts}".encode()).fetchone()
    except (psycopg.errors.UndefinedTable, psycopg.OperationalError):
        return 0
    assert row is not None
    return int(row[0])


def wait_until(true: Callable[[], bool], what: str, deadline_s: float = DEADLINE_S) -> None:
    end = time.monotonic() + deadline_s
    while not true():
        assert time.monotonic() < end, f"not within {deadline_s} s: {what}"
        time.sleep(0.05)


class Heard(NoMeter):
    """A meter that remembers whether the store was away."""

    def __init__(self) -> None:
        self.losses: list[str] = []

    def retry(self, sink: str, reason: str) -> None:
        self.losses.append(f"{sink}: {reason}")
