"""Counts the rows of the history, once the sink has stored everything."""

import asyncio
import time
from collections.abc import Mapping

import psycopg

from sinks.rows import TABLES

PATIENCE_S = 20.0
"""Without a new row for this long, the sink is not going to catch up."""

POLL_S = 0.3


async def stored(url: str, records: Mapping[str, int]) -> dict[str, int]:
    """Rows by table when they equal the topics' records, or when none has come for `PATIENCE_S`.

    records: what each topic holds.
    """
    wanted = {table.name: records.get(table.topic.name, 0) for table in TABLES}
    last, since = await count(url), time.monotonic()
    while last != wanted and time.monotonic() - since < PATIENCE_S:
        await asyncio.sleep(POLL_S)
        now = await count(url)
        if now != last:
            last, since = now, time.monotonic()
    return last


async def count(url: str) -> dict[str, int]:
    """Rows by table, in one snapshot."""
    selects = ", ".join(f"(SELECT count(*) FROM {table.name})" for table in TABLES)
    async with await psycopg.AsyncConnection.connect(url, connect_timeout=5) as connection:
        cursor = await connection.execute(f"SELECT {selects}".encode())
        row = await cursor.fetchone()
    assert row is not None, "a SELECT of counts gives one row"
    return {table.name: int(number) for table, number in zip(TABLES, row, strict=True)}
