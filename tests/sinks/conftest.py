"""A broker of the sinks' own, since a sink reads the catalogue's topics whole, and a database for each test."""

import asyncio
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from streams import admin
from streams.local import LocalKafka

PARTITIONS = 2


@pytest.fixture(scope="package")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The bootstrap address of a broker that has the catalogue's topics."""
    with LocalKafka(tmp_path_factory.mktemp("sinks-kafka")) as broker:
        asyncio.run(admin.apply(broker.bootstrap, PARTITIONS, embedded=True))
        yield broker.bootstrap


@pytest.fixture
def database(postgres: str) -> Iterator[str]:
    """The URL of an empty database."""
    with empty_database(postgres) as url:
        yield url


@pytest.fixture(scope="module")
def plain_history(postgres: str) -> Iterator[str]:
    """The URL of a database that is empty when the module begins."""
    with empty_database(postgres) as url:
        yield url


@contextmanager
def empty_database(postgres: str) -> Iterator[str]:
    """A database of its own on this server, dropped in the end."""
    name = f"sink_{secrets.token_hex(4)}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        yield f"{postgres.rpartition('/')[0]}/{name}"
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture
def app() -> str:
    """An app name that no other test uses."""
    return f"sink-{secrets.token_hex(4)}"
