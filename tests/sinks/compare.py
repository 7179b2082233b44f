"""What the log holds against what the database holds, record by record and column by column."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterator

import psycopg

from sinks import arrays
from sinks.batch import Row, columns
from sinks.rows import TABLES
from sinks.table import Table
from streams import log
from streams.codec import Undecodable
from streams.log import Record

SHOWN = 5


def compare(kafka: str, database: str) -> list[str]:
    """What is missing, doubled, invented or different; a record stands in its table or among the rejects, once."""
    return list(asyncio.run(_compare(kafka, database)))


async def _compare(kafka: str, database: str) -> list[str]:
    found = []
    async with await psycopg.AsyncConnection.connect(database, autocommit=True) as sql:
        arrays.register(sql)
        rejected = await _rejected(sql)
        for table in TABLES:
            records = await log.read_all(kafka, table.topic.name)
            found += await _places(sql, table, records, rejected[table.topic.name])
            found += await _contents(sql, table, records, rejected[table.topic.name])
    return found


async def _rejected(sql: psycopg.AsyncConnection) -> dict[str, set[tuple[int, int]]]:
    rejected: dict[str, set[tuple[int, int]]] = defaultdict(set)
    rows = await sql.execute("SELECT topic, partition, log_offset FROM sink_rejects")
    for topic, partition, offset in await rows.fetchall():
        rejected[topic].add((partition, offset))
    return rejected


async def _places(
    sql: psycopg.AsyncConnection,
    table: Table,
    records: list[Record],
    rejected: set[tuple[int, int]],
) -> list[str]:
    rows = await sql.execute(f"SELECT log_partition, log_offset FROM {table.name}".encode())
    stored = Counter(await rows.fetchall())
    logged = {(record.partition, record.offset) for record in records}
    known = stored.keys() | rejected
    parts = {
        "twice": [place for place, count in stored.items() if count > 1],
        "row and reject": sorted(stored.keys() & rejected),
        "missing": sorted(logged - known),
        "not in the log": sorted(known - logged),
    }
    return [f"{table.name}: {what}: {where[:SHOWN]}" for what, where in parts.items() if where]


async def _contents(
    sql: psycopg.AsyncConnection,
    table: Table,
    records: list[Record],
    rejected: set[tuple[int, int]],
) -> list[str]:
    rows = list(_rows(table, records, rejected))
    if not rows:
        return []
    times = [row[0] for row in rows]
    given = [*columns(table, rows), min(times), max(times)]
    places = await (await sql.execute(table.differing.encode(), given)).fetchmany(SHOWN)
    return [f"{table.name}: other contents than the log at {places}"] if places else []


def _rows(table: Table, records: list[Record], rejected: set[tuple[int, int]]) -> Iterator[Row]:
    for record in records:
        if (record.partition, record.offset) not in rejected and record.value is not None:
            try:
                message = table.topic.decode(record.value)
            except Undecodable:
                continue  # missing, which the places show
            yield (record.timestamp_ms, record.partition, record.offset, *table.row(message))
