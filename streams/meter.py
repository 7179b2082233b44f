"""What the parts report about themselves: protocols that composition roots pass down; figures move after commits."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, Protocol


class EngineMeter(Protocol):
    """What a worker reports: once a chunk, a transaction, a rebalance."""

    def chunk(
        self,
        route: str,
        times_ms: Mapping[str, Sequence[int]],
        outputs: Mapping[str, int],
        seconds: Mapping[str, float],
        committed_ms: int,
    ) -> None:
        """One committed chunk.

        times_ms: of its input records, by topic. outputs: records by topic. seconds: by phase gather, handle, send,
        commit. committed_ms: wall clock.
        """

    def dead_letter(self, topic: str, reason: str, records: int = 1) -> None:
        """Records of `topic` that went to `dead.letters`."""

    def counts(self, grown: Mapping[tuple[str, tuple[str, ...]], int]) -> None:
        """Counters by name and labels, and by how much a committed chunk raises them."""

    def transaction(
        self, group: str, outcome: Literal["commit", "abort", "fenced", "error"], seconds: float
    ) -> None:
        """The end of one Kafka transaction."""

    def rebalance(self, seconds: float) -> None:
        """From the loss of the former assignment to the new one."""

    def assigned(self, group: str, partitions: int) -> None:
        """How many partitions of a group this process owns now."""

    def recovery(self, table: str, seconds: float, keys: int) -> None:
        """A table is restored and holds `keys` keys."""

    def standing(
        self, topic: str, partition: int, offsets: tuple[int, int, int], waits_s: float
    ) -> None:
        """Of one partition: next offset to read, ends of what is committed and written; age of its oldest record."""

    def loop_lag(self, seconds: float) -> None:
        """How late the event loop came to what was due."""

    def forget(self, topic: str, partition: int) -> None:
        """A partition was revoked: its figures are another process's now."""


class SinkMeter(Protocol):
    """What a sink reports: once a batch."""

    def batch(
        self,
        sink: str,
        rows: Mapping[str, int],
        conflicts: int,
        timestamps_ms: Sequence[int],
        seconds: float,
        committed_ms: int,
    ) -> None:
        """One committed batch. rows: new ones by table; conflicts: rows that were there already."""

    def dead_letter(self, topic: str, reason: str, records: int = 1) -> None:
        """Records of `topic` that no table takes."""

    def outcomes(self, messages: Iterable[object]) -> None:
        """Committed decisions, order events and fills, to be counted by what they say."""

    def retry(self, sink: str, reason: str) -> None:
        """A batch was tried again, or a write given up."""

    def backlog(self, sink: str, records: int, queued: int, seconds: float = 0.0) -> None:
        """records: committed in the log and not yet here; queued: of them, held in memory.

        seconds: since the record time up to which all is here; 0 when nothing is left.
        """

    def chunks(self, counts: Mapping[str, int], ratio: float | None) -> None:
        """The history's chunks by state, and bytes before compression to those after; None: none is compressed."""

    def backups(self, newest: Mapping[str, float]) -> None:
        """By part, when it was last copied elsewhere: seconds since 1970."""

    def connected(self, sink: str, up: bool) -> None:
        """Whether the store answers."""

    def feature_time(self, view: str, seconds: float) -> None:
        """The newest row in the online store. seconds: its event time since 1970."""


class FeedMeter(Protocol):
    """What a feed reports."""

    def ticks(self, venue: str, channel: str, messages: int) -> None:
        """Messages of the venue that were acknowledged by the broker."""

    def feed_connected(self, venue: str, up: bool) -> None:
        """Whether the venue's stream lives."""

    def feed_reconnect(self, venue: str, reason: str) -> None:
        """The stream broke and is opened again."""

    def feed_gap(self, venue: str) -> None:
        """The venue's sequence jumped."""

    def feed_quarantined(self, venue: str, reason: str) -> None:
        """A message of the venue could not be used."""

    def feed_times(self, venue: str, delay_s: float, acked_s: Iterable[float]) -> None:
        """delay_s: from the venue's time to ours, of the newest event; acked_s: of batches, until the broker's word."""


class RequestMeter(Protocol):
    """What the API reports."""

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """One answered request. route: the template, never the path."""

    def in_flight(self, requests: int) -> None:
        """How many requests are being answered."""

    def denied(self, reason: str) -> None:
        """A request that was turned away. reason: of a closed set."""

    def streams(self, clients: int) -> None:
        """How many clients listen to the live stream."""

    def stream_dropped(self, reason: str) -> None:
        """A client that did not keep up."""


class Meter(EngineMeter, SinkMeter, FeedMeter, RequestMeter, Protocol):
    """All of them."""


class NoMeter:
    """A meter that nobody reads."""

    def chunk(
        self,
        route: str,
        times_ms: Mapping[str, Sequence[int]],
        outputs: Mapping[str, int],
        seconds: Mapping[str, float],
        committed_ms: int,
    ) -> None: ...

    def dead_letter(self, topic: str, reason: str, records: int = 1) -> None: ...

    def counts(self, grown: Mapping[tuple[str, tuple[str, ...]], int]) -> None: ...

    def transaction(
        self, group: str, outcome: Literal["commit", "abort", "fenced", "error"], seconds: float
    ) -> None: ...

    def rebalance(self, seconds: float) -> None: ...

    def assigned(self, group: str, partitions: int) -> None: ...

    def recovery(self, table: str, seconds: float, keys: int) -> None: ...

    def standing(
        self, topic: str, partition: int, offsets: tuple[int, int, int], waits_s: float
    ) -> None: ...

    def loop_lag(self, seconds: float) -> None: ...

    def forget(self, topic: str, partition: int) -> None: ...

    def batch(
        self,
        sink: str,
        rows: Mapping[str, int],
        conflicts: int,
        timestamps_ms: Sequence[int],
        seconds: float,
        committed_ms: int,
    ) -> None: ...

    def outcomes(self, messages: Iterable[object]) -> None: ...

    def retry(self, sink: str, reason: str) -> None: ...

    def backlog(self, sink: str, records: int, queued: int, seconds: float = 0.0) -> None: ...

    def chunks(self, counts: Mapping[str, int], ratio: float | None) -> None: ...

    def backups(self, newest: Mapping[str, float]) -> None: ...

    def connected(self, sink: str, up: bool) -> None: ...

    def feature_time(self, view: str, seconds: float) -> None: ...

    def ticks(self, venue: str, channel: str, messages: int) -> None: ...

    def feed_connected(self, venue: str, up: bool) -> None: ...

    def feed_reconnect(self, venue: str, reason: str) -> None: ...

    def feed_gap(self, venue: str) -> None: ...

    def feed_quarantined(self, venue: str, reason: str) -> None: ...

    def feed_times(self, venue: str, delay_s: float, acked_s: Iterable[float]) -> None: ...

    def request(self, route: str, method: str, status: int, seconds: float) -> None: ...

    def in_flight(self, requests: int) -> None: ...

    def denied(self, reason: str) -> None: ...

    def streams(self, clients: int) -> None: ...

    def stream_dropped(self, reason: str) -> None: ...
