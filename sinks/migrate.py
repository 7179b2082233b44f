"""Brings the history database to the schema of this version, before the sink writes its first row."""

import hashlib
import re
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from psycopg import errors

FOLDER = Path(__file__).parent / "migrations"
LOCK = 0x48454144  # "HEAD": one migrating process at a time, whoever it is
TIMESCALEDB = "timescaledb"
TIMESCALEDB_MIN = (2, 20)
"""Before it, an insert into a compressed chunk could fail on a key that was there, or end at it in silence."""

LEDGER = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    number integer PRIMARY KEY,
    name text NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)"""


class SchemaRefused(Exception):
    """The database cannot serve this version of the sink; a person has to act."""


class Migration(NamedTuple):
    """One numbered file. extension: it applies only where this extension is available; "" everywhere."""

    number: int
    name: str
    extension: str
    sql: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations(folder: Path = FOLDER) -> list[Migration]:
    """The migrations in order: `003_current.sql`, `004_hypertables.timescaledb.sql`."""
    found = []
    for path in sorted(folder.glob("*.sql")):
        number, _, name = path.stem.partition("_")
        name, _, extension = name.partition(".")
        found.append(Migration(int(number), name, extension, path.read_text()))
    return found


async def migrate(
    connection: psycopg.AsyncConnection[Any],
    *,
    require_timescaledb: bool = False,
    wanted: list[Migration] | None = None,
) -> list[str]:
    """Apply what is missing, in one transaction, and name it. Raises SchemaRefused."""
    wanted = migrations() if wanted is None else wanted
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        await _ensure_ledger(connection)
        extensions = await _extensions(connection)
        _check_timescaledb(extensions.get(TIMESCALEDB, ""), required=require_timescaledb)
        missing = _missing(wanted, await _applied(connection))
        due = [m for m in missing if not m.extension or m.extension in extensions]
        try:
            for migration in due:
                await _apply(connection, migration)
        except errors.InsufficientPrivilege as error:
            raise SchemaRefused(
                f"{len(due)} migrations are missing and this role may not apply them ({error}); "
                "run `headrace roles apply` as the owner of the database"
            ) from error
    return [f"{migration.number:03d}_{migration.name}" for migration in due]


async def _ensure_ledger(connection: psycopg.AsyncConnection[Any]) -> None:
    """Only where it is missing: a role that may create nothing may not even ask to."""
    found = await connection.execute("SELECT to_regclass('schema_migrations') IS NOT NULL")
    if await found.fetchone() != (True,):
        await connection.execute(LEDGER)


async def _extensions(connection: psycopg.AsyncConnection[Any]) -> dict[str, str]:
    """What the server offers: the installed version, else the one that would be installed."""
    rows = await connection.execute(
        "SELECT name, coalesce(installed_version, default_version) FROM pg_available_extensions"
    )
    return dict(await rows.fetchall())


def _check_timescaledb(version: str, *, required: bool) -> None:
    """Raises SchemaRefused."""
    if not version and required:
        raise SchemaRefused(
            "TimescaleDB is required and this server does not offer it; install it there, "
            "or set HEADRACE_REQUIRE_TIMESCALE=0"
        )
    found = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    if version and found < TIMESCALEDB_MIN:
        wanted = ".".join(map(str, TIMESCALEDB_MIN))
        raise SchemaRefused(
            f"TimescaleDB {wanted} or later is needed and this server has {version}; update it "
            "there with ALTER EXTENSION timescaledb UPDATE"
        )


async def _applied(connection: psycopg.AsyncConnection[Any]) -> dict[int, str]:
    rows = await connection.execute("SELECT number, sha256 FROM schema_migrations")
    return {number: sha256 for number, sha256 in await rows.fetchall()}


def _missing(wanted: list[Migration], applied: dict[int, str]) -> list[Migration]:
    """Raises SchemaRefused when the database holds another history than ours."""
    unknown = applied.keys() - {migration.number for migration in wanted}
    if unknown:
        raise SchemaRefused(
            f"the schema is newer than this version: it has migration {max(unknown)}"
        )
    for migration in wanted:
        if applied.get(migration.number, migration.sha256) != migration.sha256:
            raise SchemaRefused(
                f"migration {migration.number:03d}_{migration.name} was changed after it was "
                "applied; restore the file, changes go into a new one"
            )
    return [migration for migration in wanted if migration.number not in applied]


async def _apply(connection: psycopg.AsyncConnection[Any], migration: Migration) -> None:
    await connection.execute(migration.sql.encode())
    await connection.execute(
        "INSERT INTO schema_migrations (number, name, sha256) VALUES (%s, %s, %s)",
        [migration.number, migration.name, migration.sha256],
    )
