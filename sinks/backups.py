"""When each part was last copied elsewhere; for the meter, once a minute."""

from typing import Any, Literal

import psycopg

INSERT = "INSERT INTO ops_backups (part) VALUES (%s)"
NEWEST = """
SELECT part, extract(epoch FROM max(taken_at))::double precision FROM ops_backups GROUP BY part
UNION ALL
SELECT 'history', extract(epoch FROM last_archived_time)::double precision FROM pg_stat_archiver
WHERE current_setting('archive_mode') <> 'off' AND last_archived_time IS NOT NULL"""


async def newest(connection: psycopg.AsyncConnection[Any]) -> dict[str, float]:
    """Seconds since 1970 by part: history (its newest archived WAL), registry, audit. Raises psycopg.Error."""
    return dict(await (await connection.execute(NEWEST)).fetchall())


async def note(url: str, part: Literal["registry", "audit"]) -> None:
    """Say that a part has just been copied. Raises psycopg.Error."""
    async with await psycopg.AsyncConnection.connect(url, connect_timeout=5) as connection:
        await connection.execute(INSERT, [part])
