"""Asks a broker, as one principal, whether it may do something: a request each, and what code comes back."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, Self

from aiokafka.admin import NewTopic
from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.group import HeartbeatRequest
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from streams import admin, wire
from streams.login import connection

TOPIC_DENIED, GROUP_DENIED, ID_DENIED = 29, 30, 53
UNKNOWN_MEMBER, NO_COORDINATOR, NOT_COORDINATOR = 25, 15, 16
"""After the question whether it may."""

BATCH_BYTES = 1 << 16


class Probe:
    """One principal's connection."""

    def __init__(self, brokers: str, client: Any) -> None:
        self._brokers = brokers
        self._client = client

    @classmethod
    @asynccontextmanager
    async def of(cls, brokers: str) -> AsyncIterator[Self]:
        """Connected as whoever the brokers say."""
        client = AIOKafkaClient(**connection(brokers))
        await client.bootstrap()
        try:
            yield cls(brokers, client)
        finally:
            await client.close()

    async def reads(self, topics: Iterable[str]) -> dict[str, bool]:
        """Whether it may fetch from each."""
        wanted = [(name, [(0, 0, 1 << 10)]) for name in topics]
        answer = await self._send(FetchRequest(1, 0, 1 << 20, 0, wanted, rack_id=""))
        return {name: part[0][1] != TOPIC_DENIED for name, part in answer.topics}

    async def writes(self, topics: Iterable[str]) -> dict[str, bool]:
        """Whether it may append to each; where it may, it does."""
        wanted = [(name, [(0, _batch())]) for name in topics]
        answer = await self._send(ProduceRequest(None, -1, 5_000, wanted))
        return {name: part[0][1] != TOPIC_DENIED for name, part in answer.topics}

    async def joins(self, group: str) -> bool:
        """Whether it may be a member."""
        answer = await self._send(HeartbeatRequest(group, 1, "nobody"))
        known = (GROUP_DENIED, UNKNOWN_MEMBER, NO_COORDINATOR, NOT_COORDINATOR)
        assert answer.error_code in known, answer
        return bool(answer.error_code != GROUP_DENIED)

    async def takes(self, transactional_id: str) -> bool:
        """Whether it may write under this id, and so fence whoever does."""
        error, _ = await self._client.send(self._node, wire.init_producer(transactional_id, 1_000))
        assert error in (ID_DENIED, 0, NO_COORDINATOR, NOT_COORDINATOR), error
        return bool(error != ID_DENIED)

    async def deletes(self, topics: list[str]) -> set[str]:
        """Those of the topics that it could delete."""
        async with admin.client(self._brokers) as client:
            answer = await client.delete_topics(topics)
        return {name for name, code in answer.topic_error_codes if code != TOPIC_DENIED}

    async def creates(self, topic: str) -> bool:
        """Whether it could create a topic."""
        async with admin.client(self._brokers) as client:
            answer = await client.create_topics([NewTopic(topic, 1, 1)])
        return bool(answer.topic_errors[0][1] == 0)

    @property
    def _node(self) -> int:
        return int(self._client.get_random_node())

    async def _send(self, request: Any) -> Any:
        return await self._client.send(self._node, request)


def _batch() -> bytes:
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, BATCH_BYTES)
    builder.append(0, 1_700_000_000_000, b"key", b"value", [])
    return bytes(builder.build())
