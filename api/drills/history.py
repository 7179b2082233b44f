"""The history is deleted by mistake and its disk is lost; it is restored to the moment before, then refilled."""

import asyncio
from pathlib import Path
from typing import Protocol

import psycopg
from psycopg import sql

from api.drills.archived import ArchivedPostgres
from api.drills.report import Report
from api.supervisor.threads import in_thread
from sinks import migrate
from streams.local_part import Progress

Fingerprints = dict[str, tuple[int, int]]
"""By table: its rows, and a sum over their hashes that does not depend on their order."""

SECOND_S = 1.1
"""pgBackRest tells moments apart by the second."""

PROBE_ROWS = 1_000


class Rows(Protocol):
    """Where the history's rows come from."""

    async def add(self, url: str) -> None:
        """Some more of them, stored before it returns."""

    async def refill(self, url: str) -> str:
        """Let the log give back what the database has lost: what is still missing; "" for nothing."""


class Probes:
    """Rows of no log: what is lost of them is lost."""

    def __init__(self) -> None:
        self._next = 0

    async def add(self, url: str) -> None:
        first, self._next = self._next, self._next + PROBE_ROWS
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            await connection.execute(
                "INSERT INTO trades SELECT to_timestamp(g), 0, g, 'DRILL', g, 1, 'buy', g, 'drill', g, g "
                "FROM generate_series(%s::bigint, %s::bigint) g",
                [first, self._next - 1],
            )

    async def refill(self, url: str) -> str:
        return "there is no log"


async def drill(directory: Path, say: Progress, rows: Rows, *, has_log: bool) -> Report:
    """On a server of its own. has_log: `rows` come from topics, so nothing may be missing in the end."""
    report = Report("history")
    server = ArchivedPostgres(directory / "postgres", progress=say)
    await in_thread(server.start, server.name)
    try:
        await _prepare(server, rows)
        wanted, moment = await _moment(server, rows)
        before = await _lose(server, rows, report)
        await _restore(server, moment, report)
        _compare(report, wanted, await fingerprints(server.url))
        missing = await rows.refill(server.url)
        if has_log:
            report.check("refilled from the topics", not missing, missing)
        else:
            report.notes.append("nothing was refilled: the rows of this drill came from no topic")
        report.rpo_s = 0.0 if has_log and not missing else before
        await in_thread(server.amcheck, server.name)
        report.check("pg_amcheck finds no broken page", True)
        _describe(report, server)
    finally:
        await in_thread(server.stop, server.name)
    return report


async def _prepare(server: ArchivedPostgres, rows: Rows) -> None:
    async with await psycopg.AsyncConnection.connect(server.url, autocommit=True) as connection:
        await migrate.migrate(connection)
    await rows.add(server.url)
    await in_thread(server.back_up, server.name)
    await asyncio.sleep(SECOND_S)


async def _moment(server: ArchivedPostgres, rows: Rows) -> tuple[Fingerprints, str]:
    """More rows after the backup, which only the archive has, and the moment to come back to."""
    await rows.add(server.url)
    wanted = await fingerprints(server.url)
    async with await psycopg.AsyncConnection.connect(server.url, autocommit=True) as connection:
        found = await (await connection.execute("SELECT clock_timestamp()::text")).fetchone()
    assert found is not None
    return wanted, str(found[0])


async def _lose(server: ArchivedPostgres, rows: Rows, report: Report) -> float:
    """Rows that come later, the mistake, and the disk: how old in s the newest archived change was by then."""
    await asyncio.sleep(SECOND_S)
    await rows.add(server.url)
    stored = await fingerprints(server.url)
    report.sizes["rows"] = sum(count for count, _ in stored.values())
    async with await psycopg.AsyncConnection.connect(server.url, autocommit=True) as connection:
        await connection.execute("SET session_replication_role = replica")  # past every trigger
        for table in stored:
            await connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
    age_s = await in_thread(server.archived, server.name)
    report.sizes["repository_bytes"] = server.repository_bytes
    report.check("the repository is encrypted", server.is_encrypted())
    await in_thread(server.wipe, server.name)
    return age_s


async def _restore(server: ArchivedPostgres, moment: str, report: Report) -> None:
    with report.recovering():
        await in_thread(lambda: server.restore(moment), server.name)
        await in_thread(server.start, server.name)
        await in_thread(server.until_writable, server.name)


def _compare(report: Report, wanted: Fingerprints, found: Fingerprints) -> None:
    differ = sorted(t for t in wanted.keys() | found.keys() if wanted.get(t) != found.get(t))
    rows = sum(count for count, _ in found.values())
    report.check(
        "every table as at the moment before",
        not differ and rows > 0,
        f"{len(found)} tables, {rows} rows"
        + (f", different: {', '.join(differ)}" if differ else ""),
    )


def _describe(report: Report, server: ArchivedPostgres) -> None:
    with psycopg.connect(server.url) as session:
        report.versions["postgresql"] = str(session.info.server_version // 10_000)
        database = session.execute("SELECT pg_database_size(current_database())").fetchone()
        offered = session.execute(
            "SELECT 1 FROM pg_available_extensions WHERE name = 'timescaledb'"
        ).fetchone()
    assert database is not None
    report.sizes["database_bytes"] = int(database[0])
    if offered is None:
        report.notes.append("plain PostgreSQL: there were no continuous aggregates or jobs to list")


async def fingerprints(url: str) -> Fingerprints:
    """Of every table of the history."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        tables = await connection.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        )
        names = [name for (name,) in await tables.fetchall()]
        return {name: await _fingerprint(connection, name) for name in sorted(names)}


async def _fingerprint(
    connection: psycopg.AsyncConnection[tuple[object, ...]], table: str
) -> tuple[int, int]:
    query = sql.SQL(
        "SELECT count(*), coalesce(sum(hashtextextended(t::text, 0)), 0)::text FROM {} t"
    ).format(sql.Identifier(table))
    row = await (await connection.execute(query)).fetchone()
    assert row is not None
    count, total = row
    return int(str(count)), int(str(total))
