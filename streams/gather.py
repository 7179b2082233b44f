"""Gathers what was fetched into one chunk a cell, its topics merged by event time, as far as that is known.

A topic that is known to have more holds the others back at its own last time, so that a backlog of trades does not run
ahead of the quotes of the same minutes. A topic that is at its end holds nothing back: live, nothing waits.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from itertools import accumulate, groupby
from operator import itemgetter
from typing import Any, NamedTuple

HOLD_S = 0.2
"""How long a cell waits for the records of a topic that the broker says are there."""


Run = tuple[str, Sequence[Any]]
"""Consecutive records of one topic, each with a `timestamp`: event time in ms."""


class Place(NamedTuple):
    """A topic partition."""

    topic: str
    partition: int


class _Buffer:
    """Fetched records of one partition."""

    def __init__(self) -> None:
        self.records: list[Any] = []

    def add(self, records: Sequence[Any]) -> None:
        self.records.extend(records)

    def times(self, most: int) -> list[int]:
        """Event times of the first records, made non-decreasing, so that a merge keeps their order."""
        return list(accumulate((record.timestamp for record in self.records[:most]), max))

    def last(self) -> int:
        """The event time up to which the topic is known."""
        return int(max(record.timestamp for record in self.records))

    def take(self, count: int) -> list[Any]:
        if count == len(self.records):
            taken, self.records = self.records, []
        else:
            taken, self.records = self.records[:count], self.records[count:]
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
        filled = [(place, buffer) for place, buffer in buffers.items() if buffer.records]
        if len(filled) == 1:
            place, buffer = filled[0]
            return [(place.topic, buffer.take(min(self._most, len(buffer.records))))]
        bound = min((buffers[place].last() for place in behind), default=None)
        return _merge(filled, bound, self._most)


def _merge(filled: list[tuple[Place, _Buffer]], bound: int | None, most: int) -> list[Run]:
    order = [
        (time, index)
        for index, (_, buffer) in enumerate(filled)
        for time in buffer.times(most)
        if bound is None or time <= bound
    ]
    order.sort()
    taken = [0] * len(filled)
    runs: list[Run] = []
    for index, group in groupby(order[:most], key=itemgetter(1)):
        place, buffer = filled[index]
        count = sum(1 for _ in group)
        runs.append((place.topic, buffer.records[taken[index] : taken[index] + count]))
        taken[index] += count
    for (_, buffer), count in zip(filled, taken, strict=True):
        buffer.take(count)
    return runs
