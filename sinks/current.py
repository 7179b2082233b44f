"""What is current: of each position, account, open order, mark and model's alias the last message alone."""

from collections.abc import Callable
from typing import Any, NamedTuple

from streams import topics
from streams.messages import TERMINAL, Mark, OrderEvent, Position
from streams.predictions import Alias


class Key(NamedTuple):
    """One current thing. partition: the one of its topic, which all messages of the key share."""

    kind: str
    partition: int
    key: str


class Entry(NamedTuple):
    """The last message of a key; message None: the thing is over."""

    account: str
    symbol: str
    offset: int
    message: Any | None


Current = dict[Key, Entry]


def versioned(offset: int, message: bytes) -> bytes:
    """A message's JSON with its offset as first field, so that a value says how new it is; decoders skip it."""
    return b'{"log_offset":%d,%b' % (offset, message[1:])


def _position(current: Current, message: Position, partition: int, offset: int) -> None:
    entry = Entry(message.account, message.symbol, offset, message)
    current[Key("account", partition, message.account)] = entry
    if message.symbol:  # a cash movement has none
        current[Key("position", partition, f"{message.account}|{message.symbol}")] = entry


def _order(current: Current, message: OrderEvent, partition: int, offset: int) -> None:
    live = None if message.state in TERMINAL else message
    entry = Entry(message.account, message.symbol, offset, live)
    current[Key("order", partition, message.order_id)] = entry


def _mark(current: Current, message: Mark, partition: int, offset: int) -> None:
    current[Key("mark", partition, message.symbol)] = Entry("", message.symbol, offset, message)


def _alias(current: Current, message: Alias, partition: int, offset: int) -> None:
    current[Key("alias", partition, message.model)] = Entry("", "", offset, message)


Follow = Callable[[Current, Any, int, int], None]

FOLLOW: dict[str, Follow] = {
    topics.POSITIONS.name: _position,
    topics.EVENTS.name: _order,
    topics.MARKS.name: _mark,
    topics.ALIAS.name: _alias,
}
"""By topic: enter one message, its partition and offset."""

KINDS: dict[str, tuple[str, ...]] = {
    topics.POSITIONS.name: ("position", "account"),
    topics.EVENTS.name: ("order",),
    topics.MARKS.name: ("mark",),
    topics.ALIAS.name: ("alias",),
}
"""By topic: the kinds that its messages make, and no other topic's do."""

TOPICS: dict[str, str] = {kind: topic for topic, kinds in KINDS.items() for kind in kinds}
"""By kind: its topic."""
