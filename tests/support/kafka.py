"""Topics for tests, made on the session's embedded broker, and what a group has committed there."""

import asyncio
from collections.abc import Collection, Mapping

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import for_code

from streams import admin, log


def create_topics(
    bootstrap: str, partitions: Mapping[str, int], compact: Collection[str] = ()
) -> None:
    """Creates these topics (name -> partitions), compacted where named; for tests without a running loop."""
    asyncio.run(create_topics_async(bootstrap, partitions, compact))


async def create_topics_async(
    bootstrap: str, partitions: Mapping[str, int], compact: Collection[str] = ()
) -> None:
    """Creates these topics (name -> partitions), compacted where named; raises what the broker says against one."""
    topics = [
        NewTopic(name, count, 1, topic_configs={"cleanup.policy": _cleanup(name in compact)})
        for name, count in partitions.items()
    ]
    asking = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await asking.start()
    try:
        answer = await asking.create_topics(topics)
    finally:
        await asking.close()
    for name, code, *text in answer.topic_errors:
        if code:
            raise for_code(code)(f"{name}: {text[0]}")


def _cleanup(compacted: bool) -> str:
    return "compact" if compacted else "delete"


async def committed_offsets(brokers: str, group: str) -> dict[TopicPartition, int]:
    """The next offset of each partition that a group has committed; partitions without one are absent."""
    async with admin.client(brokers) as asking:
        return await log.group_offsets(asking, group, await log.coordinator(asking, group))
