"""What a chunk has to send: outputs made into stamped records, and refused inputs into dead letters."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from agents.dead_letter import dead_letter
from agents.group import Group
from agents.handler import Event, Output
from streams import codec, topics
from streams.ids import Ref
from streams.partition import partition_of


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
            if topic is topics.DEAD_LETTERS:
                of = (event.topic, message.reason)
                self.dead[of] = self.dead.get(of, 0) + 1
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
        self.add(event, step, [dead_letter(event, refusal, self._group.name)])

    def _failed(self, event: Event[Any], reason: str) -> HandlerFailed:
        return HandlerFailed(self._group.name, event.ref, ValueError(reason))
