"""One cell's fold: records in, a transaction's content out; the same for live engine and backtest."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import msgspec

from agents.group import Group, Input
from agents.handler import Event, Output
from streams import codec, topics
from streams.ids import Ref
from streams.messages import DeadLetter
from streams.partition import partition_of
from streams.topics import Topic

PROGRESS_KEY = b"progress|"
DEAD_VALUE_BYTES = 64 << 10
"""A dead letter carries at most this much of the original's value, and of its key; the rest stays at its origin."""


class Record(Protocol):
    """A record as the log gives it."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


class Sent(NamedTuple):
    """One output record, ready to send. stamp: see `stamp`."""

    topic: str
    partition: int
    key: bytes
    value: bytes
    timestamp_ms: int
    stamp: bytes


class Last(msgspec.Struct, frozen=True):
    """The last record of a topic that a cell applied; sha256 over its key and value."""

    offset: int
    timestamp_ms: int
    sha256: str


class Progress(msgspec.Struct):
    """The progress row of a cell, written in every transaction: the truth about what it has applied.

    step: inputs applied, over all topics. epoch: assignments of this cell. clock_ns: its event time.
    """

    step: int = 0
    epoch: int = 0
    clock_ns: int = 0
    applied: dict[str, int] = {}
    last: dict[str, Last] = {}

    def next(self, topic: str) -> int:
        """The first offset of a topic that is not applied yet."""
        last = self.last.get(topic)
        return 0 if last is None else last.offset + 1


@dataclass
class Chunk:
    """What one transaction holds, and the figures of its making."""

    topic: str
    first: int
    next: int
    events: int
    progress: Progress
    outputs: list[Sent]
    timestamps_ms: list[int]
    changes: list[tuple[bytes, bytes | None]] = field(default_factory=list)
    dead: dict[str, int] = field(default_factory=dict)


class HandlerFailed(Exception):
    """A handler raised on a record; nothing of its chunk may be committed."""

    def __init__(self, group: str, ref: Ref, error: Exception) -> None:
        super().__init__(f"{group}: {ref.topic}[{ref.partition}]@{ref.offset}: {error!r}")
        self.offset = ref.offset


class Cell:
    """One (group, partition): its tables, its progress, and the fold over its inputs."""

    def __init__(self, group: Group, partition: int, partitions: int) -> None:
        self.group = group
        self.partition = partition
        self.partitions = partitions
        self.tables = group.tables()
        self.progress = Progress()
        self._tables = {table.name: table for table in self.tables.all()}
        self._allowed = {topic.name for topic in group.outputs} | {topics.DEAD_LETTERS.name}

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Apply one changelog record."""
        if key == PROGRESS_KEY:
            assert value is not None, "a progress row is never deleted"
            self.progress = msgspec.json.decode(value, type=Progress)
            return
        name, _, rest = key.decode().partition("|")
        self._tables[name].load(rest, value)

    def apply(self, topic: str, records: Sequence[Record]) -> Chunk:
        """Fold the records of one input topic into the overlay; `seal` and `publish` make it true.

        Raises HandlerFailed when a handler raised and its input's rule is to stop; the overlay is then discarded.
        """
        source = self.group.input(topic)
        poisoned: dict[int, HandlerFailed] = {}
        while True:
            try:
                return self._run(source, records, poisoned)
            except HandlerFailed as failed:
                self.discard()
                if source.on_error == "stop" or failed.offset in poisoned:
                    raise  # its dead letter failed too
                poisoned[failed.offset] = failed

    def seal(self, chunk: Chunk) -> None:
        """Close the chunk: its changes are logged and the next chunk builds on them."""
        for table in self._tables.values():
            chunk.changes.extend(table.seal())
        chunk.changes.append((PROGRESS_KEY, codec.encode(chunk.progress)))
        self.progress = chunk.progress

    def publish(self) -> None:
        """Make the sealed chunk visible, after its commit."""
        for table in self._tables.values():
            table.publish()

    def discard(self) -> None:
        """Forget the open chunk."""
        for table in self._tables.values():
            table.discard()

    def _run(  # noqa: C901  the one hot loop: a call a record would cost more than its branches
        self, source: Input, records: Sequence[Record], poisoned: dict[int, HandlerFailed]
    ) -> Chunk:
        topic, partition = source.topic, 0 if source.broadcast else self.partition
        progress = self.progress
        step, clock, epoch = progress.step, progress.clock_ns, progress.epoch
        limit = None if source.clock_ms is None else source.clock_ms * 1_000_000
        decode, handlers, tables = topic.decode, source.handlers, self.tables
        skip_null = topic.cleanup == "compact"
        event: Event[Any] = Event()
        event.topic, event.partition = topic.name, partition
        sent: list[Sent] = []
        dead: dict[str, int] = {}
        for record in records:
            step += 1
            time_ns = record.timestamp * 1_000_000
            if limit is None:
                clock = now = max(clock, time_ns)
            else:
                now = min(max(clock, time_ns), clock + limit) if clock else time_ns
            event.offset = offset = record.offset
            outputs: list[Output] = []
            try:
                if poisoned and offset in poisoned:
                    raise codec.Undecodable("HANDLER_ERROR", str(poisoned[offset]))
                value = record.value
                if value is None:
                    if skip_null:
                        continue
                    raise codec.Undecodable("NULL_VALUE", "the record has no value")
                event.message = decode(value)
                event.key = record.key
                event.timestamp_ms = record.timestamp
                event.clock_ns = now
                for handler in handlers:
                    produced = handler(event, tables)
                    if produced:
                        outputs.extend(produced)
            except codec.Undecodable as refusal:
                outputs = [self._dead_letter(event.ref, record, refusal)]
                dead[refusal.reason] = dead.get(refusal.reason, 0) + 1
            except Exception as error:  # noqa: BLE001  whatever a handler raises, the chunk is not committed
                raise HandlerFailed(self.group.name, event.ref, error) from error
            if outputs:
                cause = f"{topic.name}:{partition}:{offset}:{step}"
                self._send(sent, outputs, record.timestamp, cause, epoch, event.ref)
        return self._chunk(topic, records, Progress(step, epoch, clock), sent, dead)

    def _chunk(
        self,
        topic: Topic,
        records: Sequence[Record],
        progress: Progress,
        sent: list[Sent],
        dead: dict[str, int],
    ) -> Chunk:
        final = records[-1]
        digest = hashlib.sha256((final.key or b"") + b"|" + (final.value or b"")).hexdigest()
        before = self.progress
        applied = before.applied.get(topic.name, 0) + len(records)
        progress.applied = before.applied | {topic.name: applied}
        progress.last = before.last | {topic.name: Last(final.offset, final.timestamp, digest)}
        return Chunk(
            topic=topic.name,
            first=records[0].offset,
            next=final.offset + 1,
            events=len(records),
            progress=progress,
            outputs=sent,
            timestamps_ms=[record.timestamp for record in records],
            dead=dead,
        )

    def _send(
        self,
        sent: list[Sent],
        outputs: list[Output],
        timestamp_ms: int,
        cause: str,
        epoch: int,
        ref: Ref,
    ) -> None:
        count = len(outputs)
        for index, (topic, key, message) in enumerate(outputs):
            if topic.name not in self._allowed:
                raise HandlerFailed(
                    self.group.name, ref, ValueError(f"undeclared output {topic.name}")
                )
            value = message if type(message) is bytes else codec.encode(message)
            if len(value) + len(key) > topics.MAX_MESSAGE_BYTES:
                raise HandlerFailed(
                    self.group.name, ref, ValueError(f"{topic.name}: {len(value)} bytes")
                )
            partition = partition_of(key, topic.partitions(self.partitions))
            stamp = f"{cause}:{index}:{count}:{epoch}".encode()
            sent.append(Sent(topic.name, partition, key.encode(), value, timestamp_ms, stamp))

    def _dead_letter(self, ref: Ref, record: Record, refusal: codec.Undecodable) -> Output:
        value = record.value or b""
        letter = DeadLetter(
            origin=ref,
            timestamp_ms=record.timestamp,
            reason=refusal.reason,
            error=refusal.detail,
            sha256=hashlib.sha256(value).hexdigest(),
            length=len(value),
            key=None if record.key is None else record.key[:DEAD_VALUE_BYTES],
            value=None if record.value is None else value[:DEAD_VALUE_BYTES],
            group=self.group.name,
        )
        return Output(topics.DEAD_LETTERS, f"{ref.topic}:{ref.partition}", letter)
