"""Databases of a test's own on the session's PostgreSQL."""

import asyncio
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from sinks.migrate import migrate


@contextmanager
def empty_database(postgres: str) -> Iterator[str]:
    """The URL of a database without a table, dropped in the end."""
    name = f"test_{secrets.token_hex(4)}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        yield f"{postgres.rpartition('/')[0]}/{name}"
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@contextmanager
def migrated_database(postgres: str) -> Iterator[str]:
    """The same with every table of this version and no row."""
    with empty_database(postgres) as url:
        asyncio.run(_migrate(url))
        yield url


async def _migrate(url: str) -> None:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as sql:
        await migrate(sql)
