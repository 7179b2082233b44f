"""Settings for the API's tests."""

import asyncio
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from api.access.tokens import TokenFile
from streams import admin, codec
from streams.local import LocalKafka
from streams.ports import free_port
from streams.settings import Settings
from tests.api import stores
from tests.api.requests import TOKENS
from tests.sinks.messages import TRADES, trade
from tests.support.databases import empty_database


@pytest.fixture
def tokens_file(tmp_path: Path) -> Path:
    """The file that makes the tokens of `requests` valid."""
    file = tmp_path / "tokens.json"
    file.touch(mode=0o600)
    file.write_text(TokenFile(tokens=TOKENS).model_dump_json())
    return file


@pytest.fixture
def absent(tokens_file: Path) -> Settings:
    """Settings of which no store and no broker answers."""
    return Settings(
        app="api-test",
        brokers=f"127.0.0.1:{free_port()}",
        partitions=2,
        profile="local",
        postgres_url="",
        redis_url="",
        ops_urls="",
        api_tokens_file=str(tokens_file),
    )


@pytest.fixture(scope="package")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A broker with the catalogue's topics, of these tests alone: what they hold is asserted."""
    with LocalKafka(tmp_path_factory.mktemp("api-kafka")) as kafka:
        asyncio.run(admin.apply(kafka.bootstrap, 2, embedded=True))
        asyncio.run(_fill(kafka.bootstrap))
        yield kafka.bootstrap


@pytest.fixture(scope="package")
def stored(postgres: str, valkey: str) -> Iterator[dict[str, str]]:
    """Settings of stores into which a sink has written."""
    app = f"api-{secrets.token_hex(4)}"
    with empty_database(postgres) as url:
        asyncio.run(stores.write(url, valkey, app))
        yield {"app": app, "postgres_url": url, "redis_url": valkey}


async def _fill(bootstrap: str) -> None:
    async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
        for number in range(10):
            value = codec.encode(trade(number))
            await producer.send_and_wait(TRADES.name, value, partition=number % 2)
