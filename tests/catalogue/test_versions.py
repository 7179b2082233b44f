"""Bytes of the version before are read by today's readers, and today's bytes by the readers of the version before."""

import re
from typing import Any

import msgspec
import pytest

from api.documents.schemas import UNIONS, name_of
from streams import control, orders
from streams.topics import CATALOGUE, CONTROL, ORDERS, WIRE_VERSION, Topic
from tests.catalogue import golden, samples, version_1

TOPICS = {name_of(topic): topic for topic in CATALOGUE if topic.message is not None}
BEFORE = golden.read(WIRE_VERSION - 1)
NOW = golden.read(WIRE_VERSION)
READERS_FIRST: dict[str, set[str]] = {
    "Decision": {"kind", "outcome", "marks[...]"},
    "Label": {"state"},
    "OrderEvent": {"state"},
    "Quote": {"flags"},
    "ToBroker": {"order.tif", "order.type"},
}
"""Fields that the readers before refuse, for a new choice or one more place: they are upgraded before the engine."""


def test_every_topic_but_the_changelogs_names_its_message() -> None:
    assert {t.name for t in CATALOGUE if t.message is None} == {
        t.name for t in CATALOGUE if t.key == "table"
    }


def test_the_golden_bytes_are_what_todays_writers_write() -> None:
    assert NOW == samples.by_message(), "run `make docs`; raise WIRE_VERSION if it was released"


@pytest.mark.parametrize("name", sorted(BEFORE))
def test_bytes_of_the_version_before_are_read(name: str) -> None:
    for line in BEFORE[name]:
        _check_understood(TOPICS[name], line)


@pytest.mark.parametrize("name", sorted(NOW))
def test_golden_bytes_are_read(name: str) -> None:
    for line in NOW[name]:
        _check_understood(TOPICS[name], line)


def _check_understood(topic: Topic, line: bytes) -> None:
    message: Any = topic.decode(line)
    assert not isinstance(message, control.Unreadable), message
    if topic is ORDERS:
        assert message.command is not None, message.detail


@pytest.mark.parametrize("name", sorted(BEFORE.keys() - set(UNIONS.values())))
def test_readers_of_the_version_before_read_todays_bytes(name: str) -> None:
    reader = msgspec.json.Decoder(getattr(version_1, name))
    refused = set()
    for line in NOW[name]:
        try:
            reader.decode(line)
        except msgspec.ValidationError as error:
            path = str(error).rpartition("$.")[2].rstrip("`")
            refused.add(re.sub(r"\[\d+\]", "[...]", path))
    assert refused <= READERS_FIRST.get(name, set())


@pytest.mark.parametrize(
    ("name", "word"), [(UNIONS[ORDERS.name], "cmd"), (UNIONS[CONTROL.name], "kind")]
)
def test_samples_of_foreign_writers_show_every_model_and_field(name: str, word: str) -> None:
    models: tuple[Any, ...] = {
        UNIONS[ORDERS.name]: orders.Command.__args__,
        UNIONS[CONTROL.name]: control.Record.__args__,
    }[name]
    shown: dict[str, set[str]] = {}
    for line in NOW[name]:
        tree = msgspec.json.decode(line)
        shown.setdefault(tree[word], set()).update(tree)
    fields = {model.model_fields[word].annotation.__args__[0]: model for model in models}
    missing = {
        kind: set(model.model_fields) - shown.get(kind, set()) for kind, model in fields.items()
    }
    assert {kind: names for kind, names in missing.items() if names} == {}
