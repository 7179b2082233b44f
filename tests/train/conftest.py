"""A database for each test, at the schema of this version."""

import asyncio
from collections.abc import Iterator

import psycopg
import pytest

from sinks.migrate import migrate
from tests.sinks.conftest import empty_database


@pytest.fixture
def database(postgres: str) -> Iterator[str]:
    """The URL of a database with every table and no row."""
    with empty_database(postgres) as url:
        asyncio.run(_migrated(url))
        yield url


async def _migrated(url: str) -> None:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as sql:
        await migrate(sql)
