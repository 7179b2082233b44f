"""One migrated database for the package, emptied for each test."""

from collections.abc import Iterator

import psycopg
import pytest

from tests.support.databases import migrated_database

TABLES = "bars, bar_revisions, reference_prices, backfill_runs, backfill_chunks, quarantine, quality_results"


@pytest.fixture(scope="package")
def migrated(postgres: str) -> Iterator[str]:
    """The URL of a database with our tables."""
    with migrated_database(postgres) as url:
        yield url


@pytest.fixture
def database(migrated: str) -> str:
    """The URL of a database whose tables are empty."""
    empty(migrated)
    return migrated


def empty(database: str) -> None:
    """Leave its tables without rows."""
    with psycopg.connect(database, autocommit=True) as sql:
        sql.execute(f"TRUNCATE {TABLES}".encode())
