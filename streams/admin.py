"""Creates and checks the topics of the catalogue on a cluster, before anything flows."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError, for_code
from aiokafka.protocol.admin import ApiVersionRequest

from streams.login import connection, start
from streams.topics import CATALOGUE, Topic

REPLICATION_MAX = 3
BATCH_BYTES_MAX = 1_048_588
"""The largest batch: Kafka's own default, above the largest record of the catalogue."""

KEEP_FOREVER = "-1"
FOREVER_MS = str(2**63 - 1)
END_TXN = 26
"""The number of this request in Kafka's protocol."""


@dataclass(frozen=True)
class Problem:
    """One thing that is not as it should be: what is, what should be, and how to mend it."""

    subject: str
    found: str
    expected: str
    mend: str

    def __str__(self) -> str:
        return f"{self.subject}: is {self.found}, should be {self.expected}; {self.mend}"


@dataclass(frozen=True)
class Description:
    """A topic as the cluster has it."""

    partitions: int
    replication: int
    settings: Mapping[str, str]


@asynccontextmanager
async def client(brokers: str) -> AsyncIterator[AIOKafkaAdminClient]:
    """A started admin client, closed at the end."""
    admin = AIOKafkaAdminClient(**connection(brokers), request_timeout_ms=15_000)
    try:
        await start(admin, brokers)
        yield admin
    finally:
        await admin.close()


async def apply(brokers: str, partitions: int, *, embedded: bool) -> list[str]:
    """Create the catalogue's missing topics and name them; topics that exist are left as they are.

    embedded: recorded data keeps its old event times there, so nothing is ever deleted by age.
    """
    async with client(brokers) as admin:
        existing = set(await admin.list_topics())
        missing = [topic for topic in CATALOGUE if topic.name not in existing]
        copies = await replication(admin)
        wanted = [_new(topic, partitions, copies, embedded) for topic in missing]
        if wanted:
            _raise_on_error(await admin.create_topics(wanted))
    return [topic.name for topic in missing]


async def replication(admin: AIOKafkaAdminClient) -> int:
    """How many replicas a new topic has on this cluster."""
    return min(REPLICATION_MAX, len((await admin.describe_cluster())["brokers"]))


async def check(brokers: str, partitions: int, replication: int = 1) -> list[Problem]:
    """Everything in which the cluster's topics differ from the catalogue; empty when they agree.

    replication: the least that is enough.
    """
    found = await describe(brokers)
    problems: list[Problem] = []
    for topic in CATALOGUE:
        problems += differences(topic, found.get(topic.name), partitions, replication)
    return problems


async def describe(brokers: str) -> dict[str, Description]:
    """The catalogue's topics as the cluster has them; missing ones are absent."""
    names = {topic.name for topic in CATALOGUE}
    async with client(brokers) as admin:
        topics = [t for t in await admin.describe_topics() if t["topic"] in names]
        settings = await _settings(admin, [topic["topic"] for topic in topics])
    return {
        topic["topic"]: Description(
            len(topic["partitions"]),
            min((len(p["replicas"]) for p in topic["partitions"]), default=0),
            settings[topic["topic"]],
        )
        for topic in topics
    }


async def is_kafka_4(admin: AIOKafkaAdminClient) -> bool:
    """Whether the broker speaks the transaction protocol of Kafka 4.0 (version 5 of EndTxn)."""
    answer = await admin._send_request(ApiVersionRequest())
    return any(key == END_TXN and latest >= 5 for key, _oldest, latest in answer.api_versions)


def configuration(topic: Topic, *, embedded: bool) -> dict[str, str]:
    """The broker's settings of a topic."""
    retention = KEEP_FOREVER if embedded or topic.cleanup == "compact" else str(topic.retention_ms)
    # Transaction markers carry the broker's time: beside recorded event times they would roll, and so compact, at once.
    segments = {"segment.ms": FOREVER_MS} if embedded else {}
    return segments | {
        "cleanup.policy": topic.cleanup,
        "retention.ms": retention,
        "max.message.bytes": str(BATCH_BYTES_MAX),
        "message.timestamp.type": "CreateTime",
    }


def _new(topic: Topic, partitions: int, replication: int, embedded: bool) -> NewTopic:
    return NewTopic(
        name=topic.name,
        num_partitions=topic.partitions(partitions),
        replication_factor=replication,
        topic_configs=configuration(topic, embedded=embedded),
    )


def _raise_on_error(response: Any) -> None:
    for name, code, *detail in response.topic_errors:
        error = for_code(code)
        # Another process that starts on the same cluster may have been first.
        if code and error is not TopicAlreadyExistsError:
            raise error(f"topic {name} could not be created: {detail}")


async def _settings(admin: AIOKafkaAdminClient, names: list[str]) -> dict[str, dict[str, str]]:
    if not names:
        return {}
    wanted = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    answers = await admin.describe_configs(wanted)
    return {
        name: {entry[0]: entry[1] for entry in entries}
        for answer in answers
        for _code, _message, _kind, name, entries in answer.resources
    }


def differences(
    topic: Topic, found: Description | None, partitions: int, replication: int = 1
) -> list[Problem]:
    """How a topic differs from its catalogue entry where the system runs with `partitions`; found: None if missing."""
    create = "run `headrace topics apply`"
    if found is None:
        return [Problem(f"topic {topic.name}", "missing", "present", create)]
    problems = []
    count = topic.partitions(partitions)
    if found.partitions != count:
        mend = "set HEADRACE_PARTITIONS to the cluster's count: partitions are fixed for life"
        problems.append(
            Problem(f"partitions of {topic.name}", str(found.partitions), str(count), mend)
        )
    if found.replication < replication:
        mend = "kafka-reassign-partitions.sh with more replicas"
        least = f"{replication} or more"
        problems.append(Problem(f"replicas of {topic.name}", str(found.replication), least, mend))
    for name, expected in configuration(topic, embedded=False).items():
        actual = found.settings.get(name, "unset")
        if actual != expected and not (name == "retention.ms" and actual == KEEP_FOREVER):
            mend = f"kafka-configs.sh --alter --topic {topic.name} --add-config '{name}={expected}'"
            problems.append(Problem(f"{name} of {topic.name}", actual, expected, mend))
    return problems
