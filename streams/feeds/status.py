"""What a feed tells the view and the metrics about itself."""

import logging
from collections import Counter, deque
from dataclasses import dataclass, field

log = logging.getLogger(__name__)

EXAMPLES_MAX = 20
"""Quarantined rows or frames that are kept for a person to look at."""

EXAMPLE_CHARACTERS_MAX = 200
ACKED_MAX = 10_000


@dataclass
class FeedStatus:
    """Counters and facts of one feed; written by the feed's task alone, read by anyone.

    choice: which source runs and why, in words. counts: events and messages by kind (`trades`, `quotes`, `repeats`,
    `stale`, `heartbeats`, ...). reconnects, quarantined: by reason. gaps: holes in the venue's numbering and `missing`
    the numbers in them. last_event_time: ns of event time; skew_ns: receive time minus event time of that event,
    negative where the receive clock is behind the venue's. acked_s: how long the last batches took to reach the broker;
    whoever reads them empties it.
    """

    name: str
    choice: str = ""
    connected: bool = False
    venue_state: str = ""
    counts: Counter[str] = field(default_factory=Counter)
    reconnects: Counter[str] = field(default_factory=Counter)
    quarantined: Counter[str] = field(default_factory=Counter)
    gaps: int = 0
    missing: int = 0
    duplicates: int = 0
    last_event_time: int = 0
    skew_ns: int = 0
    acked_s: deque[float] = field(default_factory=lambda: deque(maxlen=ACKED_MAX))
    last_error: str = ""
    examples: deque[str] = field(default_factory=lambda: deque(maxlen=EXAMPLES_MAX))

    def quarantine(self, reason: str, detail: str) -> None:
        """Counts a row or frame that is kept out; the first of each reason is logged."""
        example = f"{reason}: {detail[:EXAMPLE_CHARACTERS_MAX]}"
        if not self.quarantined[reason]:
            log.warning("%s keeps out %s", self.name, example)
        self.quarantined[reason] += 1
        self.examples.append(example)

    def saw(self, event_time: int, received: int) -> None:
        """Notes the newest event."""
        self.last_event_time = event_time
        self.skew_ns = received - event_time

    def as_dict(self) -> dict[str, object]:
        """Plain values, for JSON."""
        return {
            "name": self.name,
            "choice": self.choice,
            "connected": self.connected,
            "venue_state": self.venue_state,
            "counts": dict(self.counts),
            "reconnects": dict(self.reconnects),
            "quarantined": dict(self.quarantined),
            "gaps": self.gaps,
            "missing": self.missing,
            "duplicates": self.duplicates,
            "last_event_time": self.last_event_time,
            "skew_ns": self.skew_ns,
            "last_error": self.last_error,
            "examples": list(self.examples),
        }
