"""What a handler sees and gives: pure functions `(event, tables) -> outputs`, with no clock and no I/O."""

from collections.abc import Callable, Iterable
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from streams.ids import Ref
from streams.topics import Topic

M = TypeVar("M")


class Record(Protocol):
    """A record as the log gives it. timestamp: ms of event time."""

    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...


class LogRecord(NamedTuple):
    """A record that is not read from a broker."""

    offset: int
    timestamp: int
    key: bytes | None = None
    value: bytes | None = None
    headers: tuple[tuple[str, bytes | None], ...] = ()


class Event(Generic[M]):
    """One input record, decoded. Reused from record to record: a handler keeps `ref`, never the event.

    clock_ns: the largest event time that the cell has seen, this record included (ns).
    """

    __slots__ = ("clock_ns", "message", "partition", "record", "topic")

    message: M
    record: Record
    topic: str
    partition: int
    clock_ns: int

    @property
    def offset(self) -> int:
        """The record's offset."""
        return self.record.offset

    @property
    def key(self) -> bytes | None:
        """The record's key."""
        return self.record.key

    @property
    def timestamp_ms(self) -> int:
        """The record's event time."""
        return self.record.timestamp

    @property
    def ref(self) -> Ref:
        """Where this record stands in the log."""
        return Ref(self.topic, self.partition, self.record.offset)


class Output(NamedTuple):
    """One record to write in the chunk's transaction. message: a struct, encoded as JSON, or bytes as they are."""

    topic: Topic
    key: str
    message: Any


Handler = Callable[[Event[Any], Any], Iterable[Output]]
