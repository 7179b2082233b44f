"""Offsets of the catalogue's topics and how far the groups are behind, over connections that stay open."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from streams import log
from streams.admin import client
from streams.topics import CATALOGUE

TIMEOUT_S = 5.0

UNREADABLE = (KafkaError, LookupError, OSError, TimeoutError)
"""The brokers are away, or the topics are not there."""

Topics = dict[str, Any]


class LogView:
    """Looks at one log; after an error it connects anew."""

    def __init__(self, brokers: str, groups: tuple[str, ...]) -> None:
        self._brokers = brokers
        self._groups = groups
        self._open: AsyncExitStack | None = None
        self._consumer: AIOKafkaConsumer
        self._admin: AIOKafkaAdminClient

    async def look(self) -> Topics:
        """By topic, its partitions with their offsets and lag. Raises one of UNREADABLE."""
        try:
            async with asyncio.timeout(TIMEOUT_S):
                await self._connect()
                return await self._look()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        stack, self._open = self._open, None
        if stack is not None:
            await stack.aclose()

    async def _connect(self) -> None:
        if self._open is None:
            self._open = AsyncExitStack()
            self._consumer = await self._open.enter_async_context(log.reader(self._brokers))
            self._admin = await self._open.enter_async_context(client(self._brokers))

    async def _look(self) -> Topics:
        partitions = await log.partitions_of(self._consumer, [t.name for t in CATALOGUE])
        begins = await self._consumer.beginning_offsets(partitions)
        ends = await self._consumer.end_offsets(partitions)
        committed = {group: await self._committed(group) for group in self._groups}
        shown: Topics = {}
        for partition in partitions:
            groups = {
                group: {"committed": at, "lag": max(0, ends[partition] - at)}
                for group, offsets in committed.items()
                if (at := offsets.get(partition)) is not None
            }
            shown.setdefault(partition.topic, []).append(
                {
                    "partition": partition.partition,
                    "begin": begins[partition],
                    "end": ends[partition],
                    "groups": groups,
                }
            )
        return shown

    async def _committed(self, group: str) -> dict[TopicPartition, int]:
        node = await log.coordinator(self._admin, group)
        return await log.group_offsets(self._admin, group, node)


def lag_by_topic(topics: Topics) -> dict[str, dict[str, int]]:
    """Sums over partitions: topic -> group -> offsets behind."""
    sums: dict[str, dict[str, int]] = {}
    for topic, partitions in topics.items():
        for partition in partitions:
            for group, at in partition["groups"].items():
                groups = sums.setdefault(topic, {})
                groups[group] = groups.get(group, 0) + at["lag"]
    return sums
