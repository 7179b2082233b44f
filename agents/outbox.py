"""What a chunk has to send: outputs made into stamped records, and refused inputs into dead letters."""

import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple

from agents.group import Group
from agents.handler import Event, Output, Record
from streams import codec, topics
from streams.ids import Ref
from streams.messages import DeadLetter
from streams.partition import partition_of

DEAD_VALUE_BYTES = 64 << 10
"""A dead letter carries at most this much of key, value and headers each; the rest stays at its origin."""


class Sent(NamedTuple):
    """One output record, ready to send.

    stamp: `topic:partition:offset` of its cause, the cell's step, its index among that cause's outputs, their number,
    the cell's epoch and, since every cell handles a broadcast cause, the cell's partition then; joined by colons.
    """

    topic: str
    partition: int
    key: bytes
    value: bytes
    timestamp_ms: int
    stamp: bytes


class HandlerFailed(Exception):
    """A handler raised on a record; nothing of its chunk may be committed."""

    def __init__(self, group: str, ref: Ref, error: Exception) -> None:
        super().__init__(f"{group}: {ref.topic}[{ref.partition}]@{ref.offset}: {error!r}")
        self.topic = ref.topic
        self.offset = ref.offset


class Outbox:
    """The outputs of one chunk of one cell."""

    def __init__(self, group: Group, partition: int, partitions: int, epoch: int) -> None:
        self.sent: list[Sent] = []
        self.dead: dict[tuple[str, str], int] = {}
        self._group = group
        self._partitions = partitions
        self._tail = f"{epoch}"
        self._broadcast_tail = f"{epoch}:{partition}"
        self._broadcast = {source.topic.name for source in group.inputs if source.broadcast}
        self._allowed = {topic.name for topic in group.outputs} | {topics.DEAD_LETTERS.name}

    def add(self, event: Event[Any], step: int, outputs: Sequence[Output]) -> None:
        """Take all outputs of one input. Raises HandlerFailed for an undeclared topic or an oversize record."""
        record = event.record
        cause = f"{event.topic}:{event.partition}:{record.offset}:{step}"
        count, moment = len(outputs), record.timestamp
        tail = self._broadcast_tail if event.topic in self._broadcast else self._tail
        for index, (topic, key, message) in enumerate(outputs):
            value = message if type(message) is bytes else codec.encode(message)
            if topic.name not in self._allowed:
                raise self._failed(event, f"undeclared output {topic.name}")
            if len(value) + len(key) > topics.MAX_MESSAGE_BYTES:
                raise self._failed(event, f"{topic.name}: {len(value)} bytes are too many")
            partition = partition_of(key, topic.partitions(self._partitions))
            stamp = f"{cause}:{index}:{count}:{tail}".encode()
            self.sent.append(Sent(topic.name, partition, key.encode(), value, moment, stamp))

    def refuse(self, event: Event[Any], step: int, refusal: codec.Undecodable) -> None:
        """One dead letter instead of whatever the record would have brought."""
        letter = _dead_letter(event.ref, event.record, refusal, self._group.name)
        of = (event.topic, refusal.reason)
        self.dead[of] = self.dead.get(of, 0) + 1
        key = f"{event.topic}:{event.partition}"
        self.add(event, step, [Output(topics.DEAD_LETTERS, key, letter)])

    def _failed(self, event: Event[Any], reason: str) -> HandlerFailed:
        return HandlerFailed(self._group.name, event.ref, ValueError(reason))


def _dead_letter(ref: Ref, record: Record, refusal: codec.Undecodable, group: str) -> DeadLetter:
    value = record.value
    return DeadLetter(
        origin=ref,
        timestamp_ms=record.timestamp,
        reason=refusal.reason,
        error=refusal.detail,
        sha256=hashlib.sha256(value or b"").hexdigest(),
        length=len(value or b""),
        key=None if record.key is None else record.key[:DEAD_VALUE_BYTES],
        value=None if value is None else value[:DEAD_VALUE_BYTES],
        group=group,
        headers=_headers(record),
    )


def _headers(record: Record) -> tuple[tuple[str, bytes], ...]:
    """The first of them that fit; a header without a value is kept as an empty one."""
    kept, left = [], DEAD_VALUE_BYTES
    for name, value in getattr(record, "headers", ()):  # a record made by hand need not have any
        left -= len(name) + len(value or b"")
        if left < 0:
            break
        kept.append((name, value or b""))
    return tuple(kept)
