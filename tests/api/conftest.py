"""Settings for the API's tests."""

import pytest

from streams.ports import free_port
from streams.settings import Settings


@pytest.fixture
def absent() -> Settings:
    """Settings of which no store and no broker answers."""
    return Settings(
        app="api-test",
        brokers=f"127.0.0.1:{free_port()}",
        partitions=2,
        postgres_url="",
        redis_url="",
        ops_urls="",
    )
