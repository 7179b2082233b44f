"""One batch of the sink: records of some partitions, decoded into rows, refused ones set aside."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from sinks.current import FOLLOW, Current
from sinks.rows import BY_TOPIC
from streams import topics
from streams.codec import Undecodable

RECORDS_MAX = 5_000
BYTES_MAX = 8 << 20
REJECT_VALUE_BYTES = 64 << 10
ESCAPED_NUL = b"\\u0000"
NUL_PICTURE = "␀"
"""PostgreSQL's text has no NUL; the row shows its picture, the log keeps the original."""

COUNTED = frozenset(topic.name for topic in (topics.DECISIONS, topics.EVENTS, topics.FILLS))
"""Topics whose messages the meter counts by what they say."""

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
    """A record that no history table takes. value: at most 64 KiB of it."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    reason: str
    error: str
    value: bytes | None


@dataclass
class Batch:
    """generation: the assignment under which it was read; rows: by topic."""

    generation: int
    spans: dict[Place, Span] = field(default_factory=dict)
    rows: dict[str, list[Row]] = field(default_factory=dict)
    values: dict[Place, dict[int, bytes | None]] = field(default_factory=dict)
    rejects: list[Reject] = field(default_factory=list)
    current: Current = field(default_factory=dict)
    outcomes: list[object] = field(default_factory=list)
    timestamps_ms: list[int] = field(default_factory=list)
    bytes: int = 0

    @property
    def records(self) -> int:
        return len(self.timestamps_ms)

    @property
    def room(self) -> int:
        """How many records still fit."""
        return 0 if self.bytes >= BYTES_MAX else RECORDS_MAX - self.records

    def add(self, place: Place, span: Span, records: Sequence[Record]) -> None:
        """Decode consecutive records of one partition."""
        topic, partition = place
        table, follow = BY_TOPIC[topic], FOLLOW.get(topic)
        decode, row_of, counted = table.topic.decode, table.row, topic in COUNTED
        rows = self.rows.setdefault(topic, [])
        values = self.values.setdefault(place, {})
        for record in records:
            value, offset = record.value, record.offset
            values[offset] = value
            self.timestamps_ms.append(record.timestamp)
            if value is None:
                self.reject(
                    place, offset, record.timestamp, "NULL_VALUE", "the record has no value"
                )
                continue
            self.bytes += len(value)
            try:
                message = decode(value)
            except Undecodable as refusal:
                self.reject(place, offset, record.timestamp, refusal.reason, refusal.detail)
                continue
            row = (record.timestamp, partition, offset, *row_of(message))
            rows.append(_without_nul(row) if ESCAPED_NUL in value else row)
            if follow is not None:
                follow(self.current, message, partition, offset)
            if counted:
                self.outcomes.append(message)
        before = self.spans.get(place, span)
        self.spans[place] = Span(before.first, span.next)

    def reject(self, place: Place, offset: int, timestamp_ms: int, reason: str, error: str) -> None:
        """Set a record aside."""
        value = self.values[place][offset]
        kept = None if value is None else value[:REJECT_VALUE_BYTES]
        text = error.replace("\0", NUL_PICTURE)[:200]
        self.rejects.append(Reject(*place, offset, timestamp_ms, reason, text, kept))


def _without_nul(row: Row) -> Row:
    return tuple(v.replace("\0", NUL_PICTURE) if type(v) is str else v for v in row)
