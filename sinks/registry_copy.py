"""A copy of the registry outside the database: models with their files and verdicts, and Feast's own tables.

One file a table and a manifest of their SHA-256; what was restored from it makes the same files again.
"""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from psycopg import sql

MANIFEST = "manifest.json"
MODELS = ("model_artifacts", "model_versions", "model_alias", "model_decisions", "gate_state")
FEAST_SCHEMA = "feast"
SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"

Connection = psycopg.AsyncConnection[Any]


class CopyRefused(Exception):
    """A copy that is damaged or incomplete, or a database that holds something already."""


class Kept(NamedTuple):
    """One table of a copy."""

    sha256: str
    rows: int


Manifest = dict[str, Kept]
"""By table, with its schema."""


async def copy(url: str, directory: Path) -> Manifest:
    """Write all tables of the registry, as of one moment. The manifest comes last: without it there is no copy."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / MANIFEST).unlink(missing_ok=True)
    kept: Manifest = {}
    async with await psycopg.AsyncConnection.connect(url, connect_timeout=5) as connection:
        await connection.execute(SNAPSHOT)
        for table in await _tables(connection):
            kept[table] = await _export(connection, table, directory / table)
    content = {table: each._asdict() for table, each in kept.items()}
    (directory / MANIFEST).write_text(json.dumps(content, indent=2) + "\n")
    return kept


def read(directory: Path) -> Manifest:
    """The manifest of a copy whose files are what it says. Raises CopyRefused."""
    try:
        content = json.loads((directory / MANIFEST).read_text())
        kept = {table: Kept(**each) for table, each in content.items()}
        for table, each in kept.items():
            if hashlib.sha256((directory / table).read_bytes()).hexdigest() != each.sha256:
                raise CopyRefused(f"{directory / table} is not what was copied")
    except (OSError, ValueError, TypeError) as error:
        raise CopyRefused(f"{directory} holds no whole copy: {error}") from error
    return kept


def prune(directory: Path, keep: int) -> None:
    """Remove all but the newest whole copies of a directory of dated ones."""
    whole = sorted(manifest.parent for manifest in directory.glob(f"*/{MANIFEST}"))
    for old in whole[:-keep]:
        shutil.rmtree(old)


async def restore(url: str, directory: Path) -> Manifest:
    """Fill the tables of a migrated, empty registry, all or nothing; Feast's must have been made by Feast, if copied.

    Raises CopyRefused.
    """
    kept = read(directory)
    async with await psycopg.AsyncConnection.connect(url, connect_timeout=5) as connection:
        missing = kept.keys() - set(await _tables(connection))
        if missing:
            raise CopyRefused(
                f"no table {min(missing)}: migrate, and apply the feature store first"
            )
        for table in kept:
            await _import(connection, table, directory / table)
    return kept


async def _tables(connection: Connection) -> list[str]:
    found = await connection.execute(
        "SELECT schemaname || '.' || tablename FROM pg_tables "
        "WHERE schemaname = %s OR (schemaname = 'public' AND tablename = ANY(%s)) ORDER BY 1",
        [FEAST_SCHEMA, list(MODELS)],
    )
    return [name for (name,) in await found.fetchall()]


async def _export(connection: Connection, table: str, file: Path) -> Kept:
    """Ordered by content, so that equal tables make equal files."""
    query = sql.SQL("COPY (SELECT * FROM {} t ORDER BY t::text) TO STDOUT").format(_named(table))
    digest = hashlib.sha256()
    rows = 0
    with file.open("wb") as opened:
        async with connection.cursor().copy(query) as copied:
            async for block in copied:
                opened.write(block)
                digest.update(block)
                rows += bytes(block).count(b"\n")
    return Kept(digest.hexdigest(), rows)


async def _import(connection: Connection, table: str, file: Path) -> None:
    if table.startswith(f"{FEAST_SCHEMA}."):  # what Feast notes when it makes its tables
        await connection.execute(sql.SQL("DELETE FROM {}").format(_named(table)))
    held = await connection.execute(sql.SQL("SELECT EXISTS (SELECT FROM {})").format(_named(table)))
    if await held.fetchone() != (False,):
        raise CopyRefused(f"{table} is not empty: a copy is restored into a fresh place only")
    query = sql.SQL("COPY {} FROM STDIN").format(_named(table))
    async with connection.cursor().copy(query) as copied:
        await copied.write(file.read_bytes())
    await _set_sequence(connection, table)


async def _set_sequence(connection: Connection, table: str) -> None:
    """Go on counting after the last number that was copied."""
    found = await connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attidentity <> ''",
        [table],
    )
    for (column,) in await found.fetchall():
        await connection.execute(
            sql.SQL(
                "SELECT setval(pg_get_serial_sequence(%s, %s), coalesce(max({}), 0) + 1, false) FROM {}"
            ).format(sql.Identifier(column), _named(table)),
            [table, column],
        )


def _named(table: str) -> sql.Identifier:
    return sql.Identifier(*table.split("."))
