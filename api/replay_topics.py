"""What a replay wrote, on topics of its own, `replay.<run>.<topic>`, for dashboards and foreign consumers."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code

from api.ending import Ended
from api.producing import producer
from api.replay.whatif import Output
from streams import admin, topics
from streams.exits import Exit

PREFIX = "replay."
ALL = "all"
GONE_S, POLL_S = 30.0, 0.2
"""A broker lets go of a deleted topic a little later."""

OFFERED = tuple(
    topic.name
    for topic in (
        topics.MARKS, topics.ACCEPTED, topics.EVENTS, topics.FILLS, topics.POSITIONS, topics.DECISIONS,
        topics.FEATURES, topics.PREDICTIONS, topics.LABELS, topics.ORDERS, topics.DEAD_LETTERS,
    )
)  # fmt: skip


class NotOurs(Exception):
    """A topic that is not this run's."""


def names(text: str) -> tuple[str, ...]:
    """The topics in a comma separated list, or `all`. Raises Ended."""
    wanted = OFFERED if text == ALL else tuple(filter(None, map(str.strip, text.split(","))))
    unknown = sorted(set(wanted) - set(OFFERED))
    if unknown:
        raise Ended(Exit.USAGE, f"{', '.join(unknown)}: a replay offers {', '.join(OFFERED)}")
    return wanted


class ReplayTopics:
    """The topics of one run, which begin empty."""

    def __init__(self, run: str, to: AIOKafkaProducer, wanted: Iterable[str]) -> None:
        self._run = run
        self._to = to
        self._wanted = frozenset(wanted)
        self.records = 0

    async def take(self, outputs: Sequence[Output]) -> None:
        """Send what one batch has led to, and wait until all replicas have it."""
        sent = [
            await self.send(
                named(self._run, stream.topic),
                stream.partition,
                written.key,
                written.value,
                written.timestamp_ms,
            )
            for stream, written in outputs
            if stream.topic in self._wanted
        ]
        for each in sent:
            await each
        self.records += len(sent)

    async def send(
        self, topic: str, partition: int, key: bytes | None, value: bytes | None, moment_ms: int
    ) -> "asyncio.Future[object]":
        """Hand one record to the producer. Raises NotOurs for a topic of anybody else."""
        if not topic.startswith(named(self._run, "")):
            raise NotOurs(f"{topic} is not a topic of replay {self._run}")
        return await self._to.send(topic, value, key, partition, moment_ms)  # type: ignore[no-any-return]


def named(run: str, topic: str) -> str:
    """The name of a run's topic."""
    return f"{PREFIX}{run}.{topic}"


@asynccontextmanager
async def replay_topics(
    brokers: str, run: str, wanted: Sequence[str], partitions: int, *, resumed: bool
) -> AsyncIterator[ReplayTopics]:
    """The topics of a run; a run that begins anew finds them empty. Raises KafkaError."""
    async with admin.client(brokers) as client:
        await _made(client, [named(run, name) for name in wanted], partitions, keep=resumed)
    async with producer(brokers) as to:
        yield ReplayTopics(run, to, wanted)


async def _made(
    client: AIOKafkaAdminClient, names: list[str], partitions: int, *, keep: bool
) -> None:
    existing = set(await client.list_topics()) & set(names)
    if existing and not keep:
        await client.delete_topics(sorted(existing))
        existing = set()
    # Recorded event times are old: nothing may be deleted by age, and the names tell whose they are to delete.
    configuration = {"retention.ms": "-1", "message.timestamp.type": "CreateTime"}
    replication = await admin.replication(client)
    missing = [
        NewTopic(name, partitions, replication, topic_configs=configuration)
        for name in names
        if name not in existing
    ]
    async with asyncio.timeout(GONE_S):
        while missing:
            answer = await client.create_topics(missing)
            codes = {name: code for name, code, *_ in answer.topic_errors}
            again = {
                name for name, code in codes.items() if for_code(code) is TopicAlreadyExistsError
            }
            for name, code in codes.items():
                if code and name not in again:
                    raise for_code(code)(name)
            missing = [topic for topic in missing if topic.name in again]
            await asyncio.sleep(POLL_S if missing else 0)
