"""What comparisons of features have found, for the gate: it promotes nobody on features that two readers see apart."""

import psycopg

from sinks.migrate import migrate


async def note(url: str, set_hash: str, rows: int, mismatches: int) -> None:
    """Keep one comparison; one of no rows has shown nothing and is not kept."""
    if not rows:
        return
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await migrate(connection)
        await connection.execute(
            "INSERT INTO parity_checks (set_hash, row_count, mismatches) VALUES (%s, %s, %s)",
            [set_hash, rows, mismatches],
        )
