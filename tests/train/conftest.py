"""A database for each test, at the schema of this version."""

from collections.abc import Iterator

import pytest

from tests.support.databases import migrated_database


@pytest.fixture
def database(postgres: str) -> Iterator[str]:
    """The URL of a database with every table and no row."""
    with migrated_database(postgres) as url:
        yield url
