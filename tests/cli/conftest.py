import asyncio

import pytest

from streams import admin, topics


@pytest.fixture(scope="session")
def catalogue(kafka: str) -> tuple[str, int]:
    """The session's broker with all topics, and their partition count, which may be another test's choice."""

    async def apply() -> int:
        await admin.apply(kafka, 2, embedded=True)
        return (await admin.describe(kafka))[topics.ORDERS.name].partitions

    return kafka, asyncio.run(apply())
