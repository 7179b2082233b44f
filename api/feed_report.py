"""What a feed's process tells its meter and its status page."""

from collections import Counter
from typing import Any

from streams.feeds.source import Source
from streams.meter import FeedMeter


class FeedReport:
    """Called after each batch with the records sent so far by topic; the meter hears of what is new."""

    def __init__(self, source: Source, meter: FeedMeter) -> None:
        self._source = source
        self._meter = meter
        self._venue = source.name.partition(":")[0]
        self._told: Counter[tuple[str, str]] = Counter()
        self.sent: dict[str, int] = {}

    def __call__(self, sent: dict[str, int]) -> None:
        self.sent = sent
        status, meter, venue = self._source.status, self._meter, self._venue
        for topic, records in sent.items():
            meter.ticks(venue, topic, self._new("sent", topic, records))
        meter.feed_connected(venue, status.connected)
        acked_s = [status.acked_s.popleft() for _ in range(len(status.acked_s))]
        meter.feed_times(venue, status.skew_ns / 1e9, acked_s)
        for reason, times in status.reconnects.items():
            for _ in range(self._new("reconnect", reason, times)):
                meter.feed_reconnect(venue, reason)
        for reason, times in status.quarantined.items():
            for _ in range(self._new("quarantined", reason, times)):
                meter.feed_quarantined(venue, reason)
        for _ in range(self._new("gap", "", status.gaps)):
            meter.feed_gap(venue)

    def status(self) -> dict[str, Any]:
        """The source's own status, and what was sent."""
        return {**self._source.status.as_dict(), "sent": self.sent}

    def _new(self, what: str, kind: str, total: int) -> int:
        before = self._told[what, kind]
        self._told[what, kind] = total
        return total - before
