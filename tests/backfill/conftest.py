"""One migrated database for the package, emptied for each test."""

import asyncio
from collections.abc import Iterator

import psycopg
import pytest

from sinks.migrate import migrate
from tests.sinks.conftest import empty_database

TABLES = "bars, bar_revisions, reference_prices, backfill_runs, backfill_chunks, quarantine, quality_results"


@pytest.fixture(scope="package")
def migrated(postgres: str) -> Iterator[str]:
    """The URL of a database with our tables."""
    with empty_database(postgres) as url:
        asyncio.run(_migrate(url))
        yield url


async def _migrate(url: str) -> None:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as sql:
        await migrate(sql)


@pytest.fixture
def database(migrated: str) -> str:
    """The URL of a database whose tables are empty."""
    empty(migrated)
    return migrated


def empty(database: str) -> None:
    """Leave its tables without rows."""
    with psycopg.connect(database, autocommit=True) as sql:
        sql.execute(f"TRUNCATE {TABLES}".encode())
