"""Who may do what at the brokers: one principal a kind of process, as data from which ACLs and KafkaUsers are rendered.

Nobody may create, delete or alter anything: that is the administrator's, who is no process of ours. Whoever holds a
transactional id can fence its owner, hence a prefix a service. ACLs stop at the topic: who may write `orders` may write
them for any account.
"""

from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

from streams import topics
from streams.topics import CATALOGUE, Topic

Kind = Literal["topic", "group", "transactionalId"]
Operation = Literal["Read", "Write", "Describe", "DescribeConfigs"]

REPLAY_PREFIX = "replay."
CLUSTER = "headrace"
"""The Kafka object of the Strimzi operator that the users belong to."""

MARKET = (topics.TRADES, topics.QUOTES, topics.BARS)
STATES = tuple(topic for topic in CATALOGUE if topic.key == "table")
MODELS = (topics.REGISTRY, topics.ALIAS)
COMMANDS = (topics.ORDERS, topics.CONTROL)
LEARNED = (topics.FEATURES, topics.PREDICTIONS, topics.LABELS, topics.EXAMPLES)
ENGINE = (
    topics.MARKS, topics.ACCEPTED, topics.EVENTS, topics.FILLS, topics.STRATEGY_FILLS, topics.POSITIONS,
    topics.DECISIONS, topics.DEAD_LETTERS, topics.INTERLEAVING, *LEARNED,
)  # fmt: skip
"""What the engine writes beside its state; `orders` too, where it forwards a command to its account's partition."""

INPUTS = (*MARKET, *COMMANDS, *MODELS)
STORED = (*MARKET, *COMMANDS, *ENGINE, *MODELS, topics.REPLAYED)
"""What a sink may store and the API show: everything but the engine's state."""


class Grant(NamedTuple):
    """Operations that a principal may do with a resource, or with all whose names begin so."""

    kind: Kind
    name: str
    operations: tuple[Operation, ...]
    is_prefix: bool = False

    def covers(self, kind: Kind, name: str) -> bool:
        """Whether it speaks about this resource."""
        return self.kind == kind and (
            name.startswith(self.name) if self.is_prefix else name == self.name
        )


class Quota(NamedTuple):
    """The most a principal may move at one broker; it is slowed down beyond, not refused."""

    written_bytes_s: int
    read_bytes_s: int


MIB = 1 << 20
QUOTAS = {
    "feed": Quota(32 * MIB, 8 * MIB),
    "worker": Quota(128 * MIB, 256 * MIB),
    "trader": Quota(4 * MIB, 4 * MIB),
    "operator": Quota(4 * MIB, 32 * MIB),
    "train": Quota(4 * MIB, 128 * MIB),
    "replay": Quota(64 * MIB, 128 * MIB),
}
"""Readers that are not named read at most `READER`."""
READER = Quota(1 * MIB, 64 * MIB)


def matrix(app: str = "headrace") -> dict[str, tuple[Grant, ...]]:
    """By principal, all it may do; what is not named is refused. app: as in the settings, it names groups and ids."""
    seen = _may("Read", *STORED)
    return {
        "feed": (*_may("Write", *MARKET), *_may("Read", topics.CONTROL), *_configs(*MARKET)),
        "worker": _worker(app),
        "sink-history": (*seen, _group(f"{app}-sink")),
        "sink-latest": (*seen, _group(f"{app}-sink")),
        "sink-features": (*_may("Read", *LEARNED), _group(f"{app}-features")),
        "api": (*seen, *_may("Describe", *STATES), Grant("group", app, ("Describe",), True)),
        "operator": (
            *seen,
            *_may("Write", topics.CONTROL),
            *_configs(*CATALOGUE),
            Grant("group", app, ("Describe",), True),
        ),
        "auditor": (*seen, *_may("Read", *STATES), Grant("group", app, ("Describe",), True)),
        "trader": _may("Write", topics.ORDERS),
        "train": (*_may("Read", *LEARNED, *MODELS), *_may("Write", *MODELS)),
        "replay": (
            *_may("Read", *INPUTS, *ENGINE),
            Grant("topic", REPLAY_PREFIX, ("Write", "Read"), True),
            Grant("transactionalId", "replay-", ("Write", "Describe"), True),
        ),
    }


def _worker(app: str) -> tuple[Grant, ...]:
    return (
        *_may("Read", *INPUTS, *ENGINE, *STATES),
        *_may("Write", topics.ORDERS, *ENGINE, *STATES),
        *_configs(*CATALOGUE),
        _group(app),
        Grant("transactionalId", f"{app}-", ("Write", "Describe"), True),
    )


def _may(operation: Operation, *of: Topic) -> tuple[Grant, ...]:
    return tuple(Grant("topic", topic.name, (operation,)) for topic in of)


def _configs(*of: Topic) -> tuple[Grant, ...]:
    """To compare topics with the catalogue, or to see how long one keeps its records."""
    return tuple(Grant("topic", topic.name, ("Describe", "DescribeConfigs")) for topic in of)


def _group(prefix: str) -> Grant:
    return Grant("group", prefix, ("Read",), True)


def allows(grants: Iterable[Grant], operation: Operation, kind: Kind, name: str) -> bool:
    """Whether one of these grants lets it happen; to read or write implies to describe, as at the broker."""
    wanted = {operation, "Read", "Write"} if operation == "Describe" else {operation}
    return any(g.covers(kind, name) and wanted & set(g.operations) for g in grants)


def commands(app: str = "headrace") -> list[str]:
    """The grants as calls of Kafka's own tool, for a cluster without an operator; it adds what is missing."""
    return [
        "kafka-acls.sh --bootstrap-server $BROKERS --command-config $ADMIN --add "
        + f"--allow-principal User:{principal} "
        + " ".join(f"--operation {operation}" for operation in grant.operations)
        + f" {_OPTIONS[grant.kind]} {grant.name}"
        + (" --resource-pattern-type prefixed" if grant.is_prefix else "")
        for principal, grants in matrix(app).items()
        for grant in merged(grants)
    ]


_OPTIONS = {"topic": "--topic", "group": "--group", "transactionalId": "--transactional-id"}


def kafka_users(app: str = "headrace") -> list[dict[str, Any]]:
    """The KafkaUser manifests of all principals, for the Strimzi operator."""
    return [_kafka_user(principal, grants) for principal, grants in matrix(app).items()]


def _kafka_user(principal: str, grants: tuple[Grant, ...]) -> dict[str, Any]:
    quota = QUOTAS.get(principal, READER)
    return {
        "apiVersion": "kafka.strimzi.io/v1",
        "kind": "KafkaUser",
        "metadata": {"name": principal, "labels": {"strimzi.io/cluster": CLUSTER}},
        "spec": {
            "authentication": {"type": "scram-sha-512"},
            "authorization": {"type": "simple", "acls": [_rule(grant) for grant in merged(grants)]},
            "quotas": {
                "producerByteRate": quota.written_bytes_s,
                "consumerByteRate": quota.read_bytes_s,
            },
        },
    }


def _rule(grant: Grant) -> dict[str, Any]:
    return {
        "resource": {
            "type": grant.kind,
            "name": grant.name,
            "patternType": "prefix" if grant.is_prefix else "literal",
        },
        "operations": list(grant.operations),
        "host": "*",
    }


def merged(grants: Iterable[Grant]) -> list[Grant]:
    """One grant a resource, in the order of their first."""
    found: dict[tuple[Kind, str, bool], list[Operation]] = {}
    for kind, name, operations, is_prefix in grants:
        found.setdefault((kind, name, is_prefix), []).extend(operations)
    return [
        Grant(kind, name, tuple(dict.fromkeys(operations)), is_prefix)
        for (kind, name, is_prefix), operations in found.items()
    ]
