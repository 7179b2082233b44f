"""How much of the history is compressed, where TimescaleDB keeps it; for the meter, once a minute."""

from typing import Any, NamedTuple

import psycopg

ROWSTORE, COLUMNSTORE = "rowstore", "columnstore"

EXTENSION = "SELECT FROM pg_extension WHERE extname = 'timescaledb'"
STATES = "SELECT is_compressed, count(*) FROM timescaledb_information.chunks GROUP BY 1"
SIZES = """
SELECT sum(before_compression_total_bytes), sum(after_compression_total_bytes)
FROM timescaledb_information.hypertables,
    hypertable_columnstore_stats(format('%I.%I', hypertable_schema, hypertable_name)::regclass)
WHERE compression_enabled
"""


class Chunks(NamedTuple):
    """counts: chunks by state; ratio: bytes before compression to those after, None while there is none."""

    counts: dict[str, int]
    ratio: float | None


async def count(connection: psycopg.AsyncConnection[Any]) -> Chunks | None:
    """None on plain PostgreSQL. Raises psycopg.Error."""
    if (await connection.execute(EXTENSION)).rowcount == 0:
        return None
    counts = {ROWSTORE: 0, COLUMNSTORE: 0}
    for compressed, number in await (await connection.execute(STATES)).fetchall():
        counts[COLUMNSTORE if compressed else ROWSTORE] += number
    sizes = await (await connection.execute(SIZES)).fetchone()
    before, after = sizes or (None, None)
    return Chunks(counts, float(before / after) if before and after else None)
