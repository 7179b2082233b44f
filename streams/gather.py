"""Gathers what was fetched into one chunk a cell, its topics merged by event time, as far as that is known.

A topic that is known to have more holds the others back at its own last time, so that a backlog of trades does not run
ahead of the quotes of the same minutes. A topic that is at its end holds nothing back: live, nothing waits.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from itertools import accumulate
from typing import Any, NamedTuple, Protocol

HOLD_S = 0.2
"""How long a cell waits for the records of a topic that the broker says are there."""


class Timed(Protocol):
    """A record: event time in ms."""

    @property
    def timestamp(self) -> int: ...


Run = tuple[str, Sequence[Any]]
"""Consecutive records of one topic."""


class Place(NamedTuple):
    """A topic partition."""

    topic: str
    partition: int


class _Buffer:
    """Fetched records of one partition, and their event times made non-decreasing."""

    def __init__(self) -> None:
        self.records: list[Any] = []
        self.times: list[int] = []

    def add(self, records: Sequence[Any]) -> None:
        last = self.times[-1] if self.times else 0
        times = accumulate((record.timestamp for record in records), max, initial=last)
        next(times)
        self.times.extend(times)
        self.records.extend(records)

    def take(self, count: int) -> list[Any]:
        taken, self.records = self.records[:count], self.records[count:]
        self.times = self.times[count:]
        return taken


class Gather:
    """The buffers of all cells of a worker. most: records of a chunk."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._cells: dict[Hashable, dict[Place, _Buffer]] = {}
        self._held_since: dict[Hashable, float] = {}

    def assign(self, places: Mapping[Any, list[Place]]) -> None:
        """The partitions of each cell, in the order of their topics; whatever was buffered is forgotten."""
        self._cells = {cell: {place: _Buffer() for place in of} for cell, of in places.items()}
        self._held_since = {}

    def wants(self, cell: Hashable) -> list[Place]:
        """The partitions of a cell that may be fetched into."""
        return [p for p, buffer in self._cells[cell].items() if len(buffer.records) < self._most]

    def holds(self, cell: Hashable) -> bool:
        """Whether records of a cell wait here."""
        return any(buffer.records for buffer in self._cells.get(cell, {}).values())

    def add(self, cell: Hashable, place: Place, records: Sequence[Any]) -> None:
        """Fetched records."""
        self._cells[cell][place].add(records)

    @property
    def holding(self) -> bool:
        """Whether a cell waits for a partition's records."""
        return bool(self._held_since)

    def chunk(self, cell: Hashable, at_end: Callable[[Place], bool], now: float) -> list[Run]:
        """The next chunk of a cell, as runs in the order of event time; empty when there is none yet."""
        buffers = self._cells[cell]
        if not self.holds(cell):
            return []
        behind = [place for place in buffers if not at_end(place)]
        if any(not buffers[place].records for place in behind):
            if now - self._held_since.setdefault(cell, now) < HOLD_S:
                return []
            behind = [place for place in behind if buffers[place].records]
        self._held_since.pop(cell, None)
        bound = min((buffers[place].times[-1] for place in behind), default=None)
        return _merge(buffers, bound, self._most)


def _merge(buffers: dict[Place, _Buffer], bound: int | None, most: int) -> list[Run]:
    filled = [(place.topic, buffer) for place, buffer in buffers.items() if buffer.records]
    if len(filled) == 1:
        topic, buffer = filled[0]
        return [(topic, buffer.take(most))]
    order = [
        (time, index)
        for index, (_, buffer) in enumerate(filled)
        for time in buffer.times[:most]
        if bound is None or time <= bound
    ]
    order.sort()
    runs: list[Run] = []
    counts: list[tuple[int, int]] = []
    for _, index in order[:most]:
        if counts and counts[-1][0] == index:
            counts[-1] = (index, counts[-1][1] + 1)
        else:
            counts.append((index, 1))
    taken = [0] * len(filled)
    for index, count in counts:
        topic, buffer = filled[index]
        runs.append((topic, buffer.records[taken[index] : taken[index] + count]))
        taken[index] += count
    for index, (_, buffer) in enumerate(filled):
        buffer.take(taken[index])
    return runs
