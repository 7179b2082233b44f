"""What a handler sees and gives: pure functions `(event, tables) -> outputs`, with no clock and no I/O."""

from collections.abc import Callable, Iterable
from typing import Any, Generic, NamedTuple, TypeVar

from streams.ids import Ref
from streams.topics import Topic

M = TypeVar("M")


class Event(Generic[M]):
    """One input record, decoded. Reused from record to record: a handler keeps `ref`, never the event.

    clock_ns: the largest event time that the cell has seen, this record included (ns).
    """

    __slots__ = ("clock_ns", "key", "message", "offset", "partition", "timestamp_ms", "topic")

    message: M
    key: bytes | None
    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    clock_ns: int

    @property
    def ref(self) -> Ref:
        """Where this record stands in the log."""
        return Ref(self.topic, self.partition, self.offset)


class Output(NamedTuple):
    """One record to write in the chunk's transaction. message: a struct, encoded as JSON, or bytes as they are."""

    topic: Topic
    key: str
    message: Any


Handler = Callable[[Event[Any], Any], Iterable[Output]]
