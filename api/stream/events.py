"""From records to events: which type, whose account, and what is shown of it."""

from typing import Any, NamedTuple

import msgspec
from aiokafka import TopicPartition

from api import shapes
from api.answers import Shown
from streams.codec import Undecodable
from streams.ids import Ref
from streams.topics import BY_NAME, CONTROL, DECISIONS, EVENTS, FILLS, POSITIONS

TYPES = {
    EVENTS.name: "orders",
    FILLS.name: "fills",
    POSITIONS.name: "positions",
    DECISIONS.name: "risk",
    CONTROL.name: "control",
}
CONFLATED = ("marks", "models", "health")
"""Only their newest state matters: they have no offset of their own, and are not sent again after a gap."""

ALL = (*TYPES.values(), *CONFLATED)


class Event(NamedTuple):
    """One event, shown. place: None for a conflated one; account: "" for what concerns no account."""

    type: str
    data: str
    place: TopicPartition | None = None
    next: int = 0
    account: str = ""


def of_record(record: Any) -> Event | None:
    """The event of a record; None for one that cannot be read."""
    topic, place = BY_NAME[record.topic], TopicPartition(record.topic, record.partition)
    at = Ref(record.topic, record.partition, record.offset)
    if topic is CONTROL:
        data, account = _control(record, at)
    else:
        try:
            message = topic.decode(record.value or b"")
        except Undecodable:
            return None
        data, account = _shown(record.topic, message, at).model_dump_json(), message.account
    return Event(TYPES[record.topic], data, place, record.offset + 1, account)


def _shown(topic: str, message: Any, at: Ref) -> Shown:
    if topic == EVENTS.name:
        return shapes.order_step(message, at)
    if topic == FILLS.name:
        return shapes.fill(message, at)
    if topic == DECISIONS.name:
        return shapes.decision(message, at)
    return shapes.position(message) if message.symbol else shapes.account(message)


def _control(record: Any, at: Ref) -> tuple[str, str]:
    """A control record as it is; what is no JSON is shown as null."""
    try:
        tree = msgspec.json.decode(record.value or b"null")
    except msgspec.DecodeError:
        tree = None
    key = (record.key or b"").decode(errors="replace")
    data = msgspec.json.encode({"key": key, "record": tree, "at": shapes.ref(at)}).decode()
    account = tree.get("account", "") if isinstance(tree, dict) else ""
    return data, account if isinstance(account, str) else ""
