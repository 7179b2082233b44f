"""One cell's fold: records in, a transaction's content out; the same for live engine and backtest."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from agents.group import Group, Input
from agents.handler import Event, Output, Record
from agents.outbox import DEAD_VALUE_BYTES, HandlerFailed, Outbox, Sent
from streams import codec

__all__ = [
    "DEAD_VALUE_BYTES",
    "Cell",
    "Chunk",
    "HandlerFailed",
    "Last",
    "Progress",
    "Record",
    "Sent",
]

PROGRESS_KEY = b"progress|"
SLICE_RECORDS = 500
"""After so many records a live cell lets the event loop see to the network."""


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


class Cell:
    """One (group, partition): its tables, its progress, and the fold over its inputs."""

    def __init__(self, group: Group, partition: int, partitions: int) -> None:
        self.group = group
        self.partition = partition
        self.partitions = partitions
        self.tables = group.tables(partition)
        self.progress = Progress()
        self._tables = {table.name: table for table in self.tables.all()}

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
        *_, chunk = self.steps(topic, records)
        assert chunk is not None, "the last step gives the chunk"
        return chunk

    def steps(self, topic: str, records: Sequence[Record]) -> Iterator[Chunk | None]:
        """`apply` in slices: None after each, the chunk at the end."""
        source = self.group.input(topic)
        poisoned: dict[int, HandlerFailed] = {}
        while True:
            try:
                yield from self._steps(source, records, poisoned)
                return
            except HandlerFailed as failed:
                self.discard()
                if source.on_error == "stop":
                    raise
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

    def _steps(
        self, source: Input, records: Sequence[Record], poisoned: dict[int, HandlerFailed]
    ) -> Iterator[Chunk | None]:
        before = self.progress
        outbox = Outbox(self.group, self.partitions, before.epoch)
        clock_ms = before.clock_ns // 1_000_000
        event: Event[Any] = Event()
        event.topic, event.partition = source.topic.name, 0 if source.broadcast else self.partition
        event.clock_ns = before.clock_ns
        for start in range(0, len(records), SLICE_RECORDS):
            part = records[start : start + SLICE_RECORDS]
            step = before.step + start
            messages = (
                None if poisoned or source.clock_ms is not None else source.topic.decode_all(part)
            )
            if messages is None:
                clock_ms = self._carefully(source, part, poisoned, event, step, clock_ms, outbox)
            else:
                clock_ms = self._quickly(source, part, messages, event, step, clock_ms, outbox)
            yield None
        yield self._chunk(source.topic.name, records, clock_ms * 1_000_000, outbox)

    def _quickly(
        self,
        source: Input,
        records: Sequence[Record],
        messages: list[Any],
        event: Event[Any],
        step: int,
        clock_ms: int,
        outbox: Outbox,
    ) -> int:
        """Records that all decode and move the clock: the hot loop. Returns the clock after them."""
        handlers, tables = source.handlers, self.tables
        for place, message in enumerate(messages):
            event.record = record = records[place]
            moment = record.timestamp
            if moment > clock_ms:
                clock_ms = moment
                event.clock_ns = moment * 1_000_000
            event.message = message
            outputs: list[Output] | None = None
            try:
                for handler in handlers:
                    produced = handler(event, tables)
                    if produced:
                        outputs = [*outputs, *produced] if outputs else [*produced]
                if outputs:
                    outbox.add(event, step + place + 1, outputs)
            except codec.Undecodable as refusal:
                outbox.refuse(event, step + place + 1, refusal)
            except Exception as error:  # noqa: BLE001  whatever a handler raises, nothing is committed
                raise self._failed(event, error) from error
        return clock_ms

    def _carefully(
        self,
        source: Input,
        records: Sequence[Record],
        poisoned: dict[int, HandlerFailed],
        event: Event[Any],
        step: int,
        clock_ms: int,
        outbox: Outbox,
    ) -> int:
        """Any records, one by one. Returns the clock after them."""
        for record in records:
            step += 1
            event.record = record
            clock_ms, now_ms = _clocks(source, clock_ms, record.timestamp)
            event.clock_ns = now_ms * 1_000_000
            try:
                outputs = self._outputs(source, poisoned, event)
                if outputs:
                    outbox.add(event, step, outputs)
            except codec.Undecodable as refusal:
                if source.tells(refusal.reason, self.partition):
                    outbox.refuse(event, step, refusal)
            except Exception as error:  # noqa: BLE001  whatever a handler raises, nothing is committed
                raise self._failed(event, error) from error
        return clock_ms

    def _outputs(
        self, source: Input, poisoned: dict[int, HandlerFailed], event: Event[Any]
    ) -> list[Output]:
        record = event.record
        if record.offset in poisoned:
            raise codec.Undecodable("HANDLER_ERROR", str(poisoned[record.offset]))
        if record.value is None:
            if source.topic.cleanup == "compact":
                return []  # a tombstone
            raise codec.Undecodable("NULL_VALUE", "the record has no value")
        event.message = source.topic.decode(record.value)
        return [output for handler in source.handlers for output in handler(event, self.tables)]

    def _failed(self, event: Event[Any], error: Exception) -> HandlerFailed:
        if isinstance(error, HandlerFailed):
            return error
        return HandlerFailed(self.group.name, event.ref, error)

    def _chunk(self, topic: str, records: Sequence[Record], clock_ns: int, outbox: Outbox) -> Chunk:
        final, before = records[-1], self.progress
        digest = hashlib.sha256((final.key or b"") + b"|" + (final.value or b"")).hexdigest()
        applied = before.applied.get(topic, 0) + len(records)
        progress = Progress(
            step=before.step + len(records),
            epoch=before.epoch,
            clock_ns=clock_ns,
            applied=before.applied | {topic: applied},
            last=before.last | {topic: Last(final.offset, final.timestamp, digest)},
        )
        return Chunk(
            topic=topic,
            first=records[0].offset,
            next=final.offset + 1,
            events=len(records),
            progress=progress,
            outputs=outbox.sent,
            timestamps_ms=[record.timestamp for record in records],
            dead=outbox.dead,
        )


def _clocks(source: Input, clock_ms: int, moment_ms: int) -> tuple[int, int]:
    """The cell's clock after a record of that time, and the clock as that record sees it."""
    if source.clock_ms is None:
        after = max(clock_ms, moment_ms)
        return after, after
    if not clock_ms:
        return 0, moment_ms
    return clock_ms, min(max(clock_ms, moment_ms), clock_ms + source.clock_ms)
