"""A broker of the sinks' own, since a sink reads the catalogue's topics whole, and a database for each test."""

import asyncio
import secrets
from collections.abc import Iterator

import pytest

from streams import admin
from streams.local import LocalKafka
from tests.support.databases import empty_database

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


@pytest.fixture
def app() -> str:
    """An app name that no other test uses."""
    return f"sink-{secrets.token_hex(4)}"
