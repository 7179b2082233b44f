"""One batch of the sink: records of some partitions, decoded into rows, refused ones set aside."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from sinks import arrays
from sinks.arrays import KINDS, UNFIT, Array
from sinks.current import FOLLOW, Current
from sinks.rows import BY_TOPIC
from sinks.table import Table
from streams import control, topics
from streams.codec import Undecodable

RECORDS_MAX = 5_000
BYTES_MAX = 8 << 20
REJECT_VALUE_BYTES = 64 << 10
YEAR_9999_MS = 253_402_300_799_999
"""The last moment that clients can read."""

COUNTED = frozenset(
    topic.name
    for topic in (topics.DECISIONS, topics.EVENTS, topics.FILLS, topics.PREDICTIONS, topics.LABELS)
)
"""Topics whose messages the meter counts by what they say."""

STRICT: dict[str, Callable[[bytes], Any]] = {topics.CONTROL.name: control.decode}
"""Decoders of topics whose own gives back what it cannot read."""

Place = tuple[str, int]
"""A topic and a partition of it."""

Row = tuple[Any, ...]


class Record(Protocol):
    """A record as the log gives it."""

    offset: int
    timestamp: int
    value: bytes | None


class Span(NamedTuple):
    """What a batch takes from one partition: the offsets from `first` up to, not including, `next`."""

    first: int
    next: int


class Reject(NamedTuple):
    """A record that no table takes. value: at most 64 KiB of it; timestamp_ms: None where SQL has no such time."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int | None
    reason: str
    error: str
    value: bytes | None


@dataclass
class Batch:
    """generation: the assignment under which it was read; rows, columns: by topic; origins: the records themselves."""

    generation: int
    spans: dict[Place, Span] = field(default_factory=dict)
    rows: dict[str, list[Row]] = field(default_factory=dict)
    columns: dict[str, list[Array]] = field(default_factory=dict)
    origins: dict[Place, list[Record]] = field(default_factory=dict)
    rejects: list[Reject] = field(default_factory=list)
    current: Current = field(default_factory=dict)
    outcomes: list[object] = field(default_factory=list)
    timestamps_ms: list[int] = field(default_factory=list)
    size: int = 0

    @property
    def records(self) -> int:
        return len(self.timestamps_ms)

    @property
    def room(self) -> int:
        """How many records still fit."""
        return 0 if self.size >= BYTES_MAX else RECORDS_MAX - self.records

    def add(self, place: Place, span: Span, records: Sequence[Record]) -> None:
        """Decode consecutive records of one partition."""
        topic, partition = place
        table, follow = BY_TOPIC[topic], FOLLOW.get(topic)
        row_of = table.row
        self.origins.setdefault(place, []).extend(records)
        self.timestamps_ms += [record.timestamp for record in records]
        self.size += sum(len(record.value or b"") for record in records)
        records, messages = self._decode(place, records, STRICT.get(topic, table.topic.decode))
        self.rows.setdefault(topic, []).extend(
            [
                (record.timestamp, partition, record.offset, *row_of(message))
                for record, message in zip(records, messages, strict=True)
            ]
        )
        if follow is not None:
            for record, message in zip(records, messages, strict=True):
                follow(self.current, message, partition, record.offset)
        if topic in COUNTED:
            self.outcomes += messages
        self.spans[place] = Span(self.spans.get(place, span).first, span.next)

    def seal(self) -> None:
        """Make the columns, so that the writer need not; set aside what no column takes, so that SQL is not asked."""
        for topic, rows in self.rows.items():
            if rows:
                try:
                    self.columns[topic] = columns(BY_TOPIC[topic], rows)
                except UNFIT:
                    self.rows[topic] = list(self._fitting(topic, rows))

    def _fitting(self, topic: str, rows: Sequence[Row]) -> Iterator[Row]:
        """The rows that their columns take; the others are found by halving."""
        try:
            columns(BY_TOPIC[topic], rows)
        except UNFIT as error:
            if len(rows) == 1:
                self.reject((topic, rows[0][1]), rows[0][2], "SINK_REFUSED", str(error))
                return
            middle = len(rows) // 2
            yield from self._fitting(topic, rows[:middle])
            yield from self._fitting(topic, rows[middle:])
        else:
            yield from rows

    def reject(self, place: Place, offset: int, reason: str, error: str) -> None:
        """Set a record aside."""
        record = next(record for record in self.origins[place] if record.offset == offset)
        value = None if record.value is None else record.value[:REJECT_VALUE_BYTES]
        time_ms = record.timestamp if 0 <= record.timestamp <= YEAR_9999_MS else None
        self.rejects.append(Reject(*place, offset, time_ms, reason, error[:200], value))

    def _decode(
        self, place: Place, records: Sequence[Record], decode: Callable[[bytes], Any]
    ) -> tuple[Sequence[Record], list[Any]]:
        """The records that can be decoded, and their messages; the others are set aside."""
        try:
            return records, [decode(record.value) for record in records]  # type: ignore[arg-type]  # None: see below
        except (Undecodable, TypeError):
            good: list[Record] = []
            messages: list[Any] = []
            for record in records:
                if record.value is None:
                    self.reject(place, record.offset, "NULL_VALUE", "the record has no value")
                    continue
                try:
                    messages.append(decode(record.value))
                except Undecodable as refusal:
                    self.reject(place, record.offset, refusal.reason, refusal.detail)
                else:
                    good.append(record)
            return good, messages


def columns(table: Table, rows: Sequence[Row]) -> list[Array]:
    """One array a column, the key first. Raises one of UNFIT for a value that its column does not take."""
    times, partitions, offsets, *others = zip(*rows, strict=True)
    if min(times) < 0 or max(times) > YEAR_9999_MS:
        raise ValueError("the record's time is outside the years 1970 to 9999")
    key = [arrays.bigints(times), arrays.ints(partitions), arrays.bigints(offsets)]
    pairs = zip(table.columns, others, strict=True)
    return key + [KINDS[column.kind].array(values) for column, values in pairs]
