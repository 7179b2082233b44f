"""One cell's fold: records in, a transaction's content out; the same for live engine and backtest."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from agents.dead_letter import DEAD_VALUE_BYTES
from agents.group import Counts, Group, Input
from agents.handler import Event, Output, Record
from agents.outbox import HandlerFailed, Outbox, Sent
from streams import codec, interleaving, topics
from streams.gather import Run
from streams.interleaving import Interleaving

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


class Span(NamedTuple):
    """The records of one topic in a chunk: the first offset, the next after the last, and their number."""

    first: int
    next: int
    events: int


@dataclass
class Chunk:
    """What one transaction holds, and the figures of its making.

    interleaving: the order of its inputs. times_ms: event times of its records by topic. dead: how many were refused,
    by topic and reason. counts: what no output tells.
    """

    inputs: dict[str, Span]
    progress: Progress
    outputs: list[Sent]
    times_ms: dict[str, list[int]]
    interleaving: Interleaving
    changes: list[tuple[bytes, bytes | None]] = field(default_factory=list)
    dead: dict[tuple[str, str], int] = field(default_factory=dict)
    counts: Counts = field(default_factory=dict)

    @property
    def events(self) -> int:
        """How many records it applies."""
        return sum(span.events for span in self.inputs.values())

    @property
    def through(self) -> bytes:
        """The last offset applied of each input: a header of its changelog records."""
        last = sorted(self.progress.last.items())
        return ",".join(f"{topic}:{known.offset}" for topic, known in last).encode()


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

    def apply(self, runs: Sequence[Run]) -> Chunk:
        """Fold records of the input topics, in this order, into the tables; `seal` and `publish` make it true.

        Raises HandlerFailed when a handler raised and its input's rule is to stop; the chunk is then discarded.
        """
        *_, chunk = self.steps(runs)
        assert chunk is not None, "the last step gives the chunk"
        return chunk

    def steps(self, runs: Sequence[Run]) -> Iterator[Chunk | None]:
        """`apply` in slices: None after each, the chunk at the end."""
        poisoned: dict[tuple[str, int], HandlerFailed] = {}
        while True:
            try:
                yield from self._steps(runs, poisoned)
                return
            except HandlerFailed as failed:
                self.discard()
                if self.group.input(failed.topic).on_error == "stop":
                    raise
                poisoned[failed.topic, failed.offset] = failed

    def seal(self, chunk: Chunk) -> None:
        """Close the chunk: its changes are proved and logged, and the next chunk builds on them."""
        self.group.prove(self.tables)
        chunk.counts = self.group.counts(self.tables)
        for table in self._tables.values():
            chunk.changes.extend(table.seal())
        chunk.changes.append((PROGRESS_KEY, codec.encode(chunk.progress)))
        self.progress = chunk.progress

    def recorded(self, chunk: Chunk) -> Sent:
        """The record of the order in which a chunk applied its inputs."""
        moment = chunk.progress.clock_ns // 1_000_000
        key, value = self.group.name.encode(), codec.encode(chunk.interleaving)
        return Sent(topics.INTERLEAVING.name, self.partition, key, value, moment, b"")

    def publish(self) -> None:
        """Make the sealed chunk visible, after its commit."""
        for table in self._tables.values():
            table.publish()

    def discard(self) -> None:
        """Forget the open chunk."""
        for table in self._tables.values():
            table.discard()

    def _steps(
        self, runs: Sequence[Run], poisoned: dict[tuple[str, int], HandlerFailed]
    ) -> Iterator[Chunk | None]:
        walk, most = Walk(self, poisoned), self.group.slice_records
        for topic, records in runs:
            source = self.group.input(topic)
            for start in range(0, len(records), most):
                if walk.due:
                    yield None
                    walk.due = False
                walk.over(source, records[start : start + most])
        yield self._chunk(runs, walk)

    def _chunk(self, runs: Sequence[Run], walk: "Walk") -> Chunk:
        before = self.progress
        inputs: dict[str, Span] = {}
        last: dict[str, Record] = {}
        times: dict[str, list[int]] = {}
        for topic, records in runs:
            times.setdefault(topic, []).extend([record.timestamp for record in records])
            first, _, events = inputs.get(topic, Span(records[0].offset, 0, 0))
            inputs[topic] = Span(first, records[-1].offset + 1, events + len(records))
            last[topic] = records[-1]
        applied = {t: before.applied.get(t, 0) + span.events for t, span in inputs.items()}
        progress = Progress(
            step=walk.step,
            epoch=before.epoch,
            clock_ns=walk.clock_ms * 1_000_000,
            applied=before.applied | applied,
            last=before.last | {topic: _last(record) for topic, record in last.items()},
        )
        return Chunk(
            inputs=inputs,
            progress=progress,
            outputs=walk.outbox.sent,
            times_ms=times,
            interleaving=interleaving.of(before.step, before.epoch, runs),
            dead=walk.outbox.dead,
        )


class Walk:
    """The fold of one chunk under way."""

    def __init__(self, cell: Cell, poisoned: dict[tuple[str, int], HandlerFailed]) -> None:
        before = cell.progress
        self.step = before.step
        self.clock_ms = before.clock_ns // 1_000_000
        self.outbox = Outbox(cell.group, cell.partition, cell.partitions, before.epoch)
        self.due = False
        self._since = 0
        self._cell = cell
        self._poisoned = poisoned
        self._event: Event[Any] = Event()

    def over(self, source: Input, records: Sequence[Record]) -> None:
        """Apply consecutive records of one topic. Raises HandlerFailed."""
        self._begin(source)
        careful = self._poisoned or source.clock_ms is not None
        messages = None if careful else source.topic.decode_all(records)
        if messages is None:
            self._carefully(source, records)
        else:
            self._quickly(source, records, messages, range(len(messages)))
        self._since += len(records)
        if self._since >= self._cell.group.slice_records:
            self._since, self.due = 0, True

    def to_output(
        self, source: Input, records: Sequence[Record], messages: list[Any], span: range
    ) -> int:
        """Apply records of a span up to the first that leads to an output; the place behind it. Raises HandlerFailed.

        messages: of all records, of an input that moves the clock.
        """
        self._begin(source)
        return self._quickly(source, records, messages, span, to_output=True)

    def _begin(self, source: Input) -> None:
        event = self._event
        event.topic = source.topic.name
        event.partition = 0 if source.broadcast else self._cell.partition
        event.clock_ns = self.clock_ms * 1_000_000

    def _quickly(
        self,
        source: Input,
        records: Sequence[Record],
        messages: list[Any],
        span: range,
        *,
        to_output: bool = False,
    ) -> int:
        """Records that all decode and move the clock: the hot loop. The place behind the last one applied."""
        event, outbox, tables = self._event, self.outbox, self._cell.tables
        handlers, clock_ms, step = source.handlers, self.clock_ms, self.step
        first, after = span.start, span.stop
        for place in span:
            event.record = record = records[place]
            moment = record.timestamp
            if moment > clock_ms:
                clock_ms = moment
                event.clock_ns = moment * 1_000_000
            event.message = messages[place]
            outputs: list[Output] | None = None
            try:
                for handler in handlers:
                    produced = handler(event, tables)
                    if produced:
                        outputs = [*outputs, *produced] if outputs else [*produced]
                if outputs:
                    outbox.add(event, step + place - first + 1, outputs)
                    if to_output:
                        after = place + 1
                        break
            except codec.Undecodable as refusal:
                self._refuse(source, step + place - first + 1, refusal)
                if to_output:
                    after = place + 1
                    break
            except Exception as error:  # noqa: BLE001  whatever a handler raises, nothing is committed
                raise self._failed(error) from error
        self.clock_ms, self.step = clock_ms, step + after - first
        return after

    def _carefully(self, source: Input, records: Sequence[Record]) -> None:
        """Any records, one by one."""
        event = self._event
        for record in records:
            self.step += 1
            event.record = record
            self.clock_ms, now_ms = _clocks(source, self.clock_ms, record.timestamp)
            event.clock_ns = now_ms * 1_000_000
            try:
                outputs = self._outputs(source)
                if outputs:
                    self.outbox.add(event, self.step, outputs)
            except codec.Undecodable as refusal:
                self._refuse(source, self.step, refusal)
            except Exception as error:  # noqa: BLE001  whatever a handler raises, nothing is committed
                raise self._failed(error) from error

    def _outputs(self, source: Input) -> list[Output]:
        event, tables = self._event, self._cell.tables
        poison = self._poisoned.get((event.topic, event.offset))
        if poison is not None:
            raise codec.Undecodable("HANDLER_ERROR", str(poison))
        value = event.record.value
        if value is None:
            if source.topic.cleanup == "compact":
                return []  # a tombstone
            raise codec.Undecodable("NULL_VALUE", "the record has no value")
        event.message = source.topic.decode(value)
        return [output for handler in source.handlers for output in handler(event, tables)]

    def _refuse(self, source: Input, step: int, refusal: codec.Undecodable) -> None:
        if source.tells(refusal.reason, self._cell.partition):
            self.outbox.refuse(self._event, step, refusal)

    def _failed(self, error: Exception) -> HandlerFailed:
        if isinstance(error, HandlerFailed):
            return error
        return HandlerFailed(self._cell.group.name, self._event.ref, error)


def _last(record: Record) -> Last:
    digest = hashlib.sha256((record.key or b"") + b"|" + (record.value or b"")).hexdigest()
    return Last(record.offset, record.timestamp, digest)


def _clocks(source: Input, clock_ms: int, moment_ms: int) -> tuple[int, int]:
    """The cell's clock after a record of that time, and the clock as that record sees it."""
    if source.clock_ms is None:
        after = max(clock_ms, moment_ms)
        return after, after
    if not clock_ms:
        return 0, moment_ms
    return clock_ms, min(max(clock_ms, moment_ms), clock_ms + source.clock_ms)
