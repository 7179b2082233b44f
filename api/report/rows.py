"""Counts the rows of the history, once the sink has stored everything."""

import asyncio
import time
from collections.abc import Mapping

import psycopg

from sinks.rows import TABLES
from sinks.table import Table

PATIENCE_S = 20.0
"""Without a new row for this long, the sink is not going to catch up."""

POLL_S = 0.3


async def stored(url: str, records: Mapping[str, int]) -> dict[str, int]:
    """Rows by table when they agree with the topics' records, or when none has come for `PATIENCE_S`.

    records: what each topic holds.
    """

    def complete(rows: Mapping[str, int]) -> bool:
        return all(agree(t, rows[t.name], records.get(t.topic.name, 0)) for t in TABLES)

    last, since = await count(url), time.monotonic()
    while not complete(last) and time.monotonic() - since < PATIENCE_S:
        await asyncio.sleep(POLL_S)
        now = await count(url)
        if now != last:
            last, since = now, time.monotonic()
    return last


def agree(table: Table, rows: int, records: int) -> bool:
    """Whether a table has a row for each record of its topic; of a compacted one it keeps those that are gone, too."""
    return rows >= records if table.topic.cleanup == "compact" else rows == records


async def count(url: str) -> dict[str, int]:
    """Rows by table, in one snapshot."""
    selects = ", ".join(f"(SELECT count(*) FROM {table.name})" for table in TABLES)
    async with await psycopg.AsyncConnection.connect(url, connect_timeout=5) as connection:
        cursor = await connection.execute(f"SELECT {selects}".encode())
        row = await cursor.fetchone()
    assert row is not None, "a SELECT of counts gives one row"
    return {table.name: int(number) for table, number in zip(TABLES, row, strict=True)}
