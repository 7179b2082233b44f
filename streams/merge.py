"""Merges partitions by event time with bounded memory: the order in which a replay meets what no record orders."""

import heapq
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

BATCH = 2_000

Refill = Callable[[], Awaitable[Sequence[Any]]]
"""The next records of a partition, in order; none at its end."""


class Lane:
    """One partition of a merge. place: what its records are labelled with."""

    def __init__(self, place: Any, refill: Refill) -> None:
        self.place = place
        self._refill = refill
        self._records: deque[Any] = deque()
        self._high = 0

    async def head(self) -> int | None:
        """The time of the next record, never before that of the one before it; None at the end."""
        if not self._records:
            self._records.extend(await self._refill())
        if not self._records:
            return None
        self._high = max(self._high, self._records[0].timestamp)
        return self._high

    def take(self) -> Any:
        """The next record, after `head`."""
        return self._records.popleft()


async def first_time(lanes: Sequence[Lane]) -> int | None:
    """The time of the first record of all; None where there is none."""
    heads = [await lane.head() for lane in lanes]
    return min((time for time in heads if time is not None), default=None)


async def merged(lanes: Sequence[Lane]) -> AsyncIterator[list[tuple[Any, Any]]]:
    """Batches of (place, record) by time; at equal times by the order of the lanes, then by offset.

    A partition's own order is kept: a record with an earlier time than the one before it counts as simultaneous. Each
    partition is read to its end, so an idle one holds nothing up.
    """
    heap = [(time, n) for n, lane in enumerate(lanes) if (time := await lane.head()) is not None]
    heapq.heapify(heap)
    batch: list[tuple[Any, Any]] = []
    while heap:
        _, number = heap[0]
        lane = lanes[number]
        batch.append((lane.place, lane.take()))
        time = await lane.head()
        if time is None:
            heapq.heappop(heap)
        else:
            heapq.heapreplace(heap, (time, number))
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
