"""The contract between a source of market data and the publisher that writes it to the topics."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Protocol, TypeAlias

from streams.feeds.status import FeedStatus
from streams.instruments import Instrument
from streams.messages import Quote, Trade

Event: TypeAlias = Trade | Quote
Batch: TypeAlias = list[Event]
Batches: TypeAlias = Iterator[Batch]

SECOND_NS = 1_000_000_000
MILLISECOND_NS = 1_000_000

Clock: TypeAlias = Callable[[], int]
"""Nanoseconds; `time.time_ns` or `time.monotonic_ns` in the shell, a counter in tests."""


class Source(Protocol):
    """A stream of trades and quotes of some instruments.

    name: what every event carries as its `source`. oldest_time: event time in ns of the first record where it is not
    about now (recorded data under their own times), else None. events: batches in the order in which they are to be
    written; the source paces itself, and ends when its data end.
    """

    @property
    def name(self) -> str: ...

    @property
    def instruments(self) -> tuple[Instrument, ...]: ...

    @property
    def status(self) -> FeedStatus: ...

    @property
    def oldest_time(self) -> int | None: ...

    def events(self) -> AsyncIterator[Batch]: ...
