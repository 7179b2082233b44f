"""One secured broker for the tests of this folder."""

import asyncio
from collections.abc import Iterator

import pytest

from streams import acl, admin
from streams.login import Brokers
from tests.security.broker import ADMIN, APP, PARTITIONS, REPLAYED, SecureKafka
from tests.security.probe import Probe


@pytest.fixture(scope="package")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureKafka]:
    """A secured broker with the topics of the catalogue and the grants of the matrix."""
    directory = tmp_path_factory.mktemp("secured")
    passwords = {principal: f"password-of-{principal}" for principal in acl.matrix(APP)}
    with SecureKafka(directory / "kafka", passwords) as kafka:
        kafka.grant_all()
        ours = kafka.login(ADMIN)
        asyncio.run(admin.apply(ours, PARTITIONS, embedded=True))
        asyncio.run(_create(ours))
        yield kafka


async def _create(brokers: Brokers) -> None:
    async with Probe.of(brokers) as probe:
        assert await probe.creates(REPLAYED)
