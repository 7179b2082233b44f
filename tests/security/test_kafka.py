"""The brokers let in whom they should and let each do what the matrix names, and nothing else."""

import asyncio
from typing import NamedTuple

import pytest
from aiokafka.errors import KafkaConnectionError, TopicAuthorizationFailedError
from rich.console import Console
from rich.table import Table

from api import producing
from streams import acl, log, topics
from streams.acl import Kind, Operation
from streams.login import Brokers, refusal
from streams.topics import CATALOGUE
from tests.security.broker import APP, PARTITIONS, REPLAYED, SecureKafka
from tests.security.probe import Probe

pytestmark = pytest.mark.kafka
MATRIX = acl.matrix(APP)
NAMES = [*(topic.name for topic in CATALOGUE), REPLAYED]
GROUPS = ("headrace", "headrace-sink", "headrace-features", "somebody")
IDS = ("headrace-w0", "headrace-symbol-w1", "replay-1", "somebody")


class Asked(NamedTuple):
    """What was asked of the broker and whether it let it happen."""

    operation: Operation
    kind: Kind
    name: str
    let: bool


async def _ask(brokers: Brokers) -> tuple[list[Asked], set[str]]:
    """Every operation of the matrix with every resource, and the topics that could be deleted or created."""
    async with Probe.of(brokers) as probe:
        asked = [Asked("Read", "topic", *found) for found in (await probe.reads(NAMES)).items()]
        asked += [Asked("Write", "topic", *found) for found in (await probe.writes(NAMES)).items()]
        asked += [Asked("Read", "group", group, await probe.joins(group)) for group in GROUPS]
        asked += [Asked("Write", "transactionalId", id, await probe.takes(id)) for id in IDS]
        gone = await probe.deletes(NAMES)
        if await probe.creates("made.up"):
            gone.add("made.up")
    return asked, gone


def test_each_principal_does_what_the_matrix_names_and_nothing_else(broker: SecureKafka) -> None:
    table = Table("principal", "allowed", "refused", "may write", title="asked of the broker")
    for principal, grants in MATRIX.items():
        asked, altered = asyncio.run(_ask(broker.login(principal)))
        assert len(asked) == 2 * len(NAMES) + len(GROUPS) + len(IDS)
        wrong = [a for a in asked if a.let != acl.allows(grants, a.operation, a.kind, a.name)]
        assert (principal, wrong, altered) == (principal, [], set())
        written = [a.name for a in asked if a.let and (a.operation, a.kind) == ("Write", "topic")]
        counts = [sum(a.let for a in asked), sum(not a.let for a in asked) + len(NAMES) + 1]
        shown = ", ".join(written) if len(written) < 7 else f"{len(written)} topics"
        table.add_row(principal, *map(str, counts), shown or "-")
    Console(width=120).print(table)


MUST_NOT: list[tuple[str, Operation, Kind, str]] = [
    ("replay", "Write", "topic", "fills"),
    ("replay", "Write", "topic", "orders"),
    ("replay", "Write", "transactionalId", "headrace-w0"),
    ("feed", "Write", "topic", "orders"),
    ("feed", "Write", "topic", "control"),
    ("trader", "Write", "topic", "control"),
    ("trader", "Read", "topic", "fills"),
    ("api", "Write", "topic", "control"),
    ("api", "Write", "topic", "orders"),
    ("operator", "Write", "topic", "orders"),
    ("operator", "Write", "topic", "fills"),
    ("train", "Write", "topic", "fills"),
    ("train", "Write", "topic", "predictions"),
    ("worker", "Write", "topic", "market.quotes"),
    ("worker", "Write", "topic", "control"),
    ("worker", "Write", "topic", "models.alias"),
    ("worker", "Write", "transactionalId", "replay-1"),
    ("sink-history", "Write", "topic", "fills"),
    ("sink-latest", "Read", "group", "headrace"),
    ("sink-features", "Read", "topic", "orders"),
]


@pytest.mark.parametrize("rule", MUST_NOT, ids=lambda rule: " ".join(rule))
def test_the_matrix_keeps_apart_what_must_never_meet(
    rule: tuple[str, Operation, Kind, str],
) -> None:
    principal, operation, kind, name = rule
    assert not acl.allows(MATRIX[principal], operation, kind, name)


def test_worker_may_read_and_write_what_its_routes_name() -> None:
    from agents.routes import routes

    for group in routes(PARTITIONS, strategy="signal"):
        for source in group.inputs:
            assert acl.allows(MATRIX["worker"], "Read", "topic", source.topic.name)
        for topic in (*group.outputs, group.changelog, topics.DEAD_LETTERS, topics.INTERLEAVING):
            assert acl.allows(MATRIX["worker"], "Write", "topic", topic.name)


class Refused(NamedTuple):
    """A login that must fail, and what its sentence must say."""

    brokers: str
    says: str


def _refused(broker: SecureKafka) -> dict[str, Refused]:
    wrong = broker.data_dir / "wrong.password"
    wrong.touch(mode=0o600)
    wrong.write_text("guessed")
    guessed = broker.login("worker")
    return {
        "wrong CA": Refused(broker.login("worker", ca=broker.foreign_ca), "does not vouch for"),
        "wrong host name": Refused(
            broker.login("worker", servers=broker.misnamed), "not valid for '127.0.0.1'"
        ),
        "wrong password": Refused(
            Brokers(guessed, guessed.login._replace(password=type(guessed.login.password)(wrong))),
            "refuses the login of worker",
        ),
        "unknown user": Refused(
            Brokers(guessed, guessed.login._replace(user="nobody")), "refuses the login of nobody"
        ),
        "plain client": Refused(broker.bootstrap, "perhaps it wants TLS"),
    }


def test_refused_logins_say_why(broker: SecureKafka) -> None:
    table = Table("login", "said", title="refused logins")
    for name, (brokers, says) in _refused(broker).items():
        with pytest.raises(KafkaConnectionError) as raised:
            asyncio.run(_connect(brokers))
        assert says in str(raised.value), name
        assert "password-of" not in str(raised.value)
        table.add_row(name, str(raised.value).replace(str(broker.data_dir), ".."))
    Console(width=120).print(table)


async def _connect(brokers: str) -> None:
    async with log.reader(brokers):
        pass


def test_tls_client_at_a_plain_listener_is_told_so(broker: SecureKafka, kafka: str) -> None:
    said = asyncio.run(refusal(broker.login("worker", servers=kafka)))
    assert "does not speak TLS" in said


def test_replay_that_writes_fills_is_refused_by_name(broker: SecureKafka) -> None:
    async def write() -> None:
        async with producing.producer(broker.login("replay")) as producer:
            await producing.send(producer, topics.FILLS, "paper", b"{}")

    with pytest.raises(TopicAuthorizationFailedError, match="fills"):
        asyncio.run(write())
