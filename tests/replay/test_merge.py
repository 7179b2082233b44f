"""Partitions are merged by event time, each in its own order, with one fetch of each in memory."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.merge import Lane, merged


class Stamped(NamedTuple):
    offset: int
    timestamp: int


class Fetches:
    """A partition that comes in pieces; none is fetched before the one before is used up."""

    def __init__(self, times: Sequence[int], piece: int) -> None:
        records = [Stamped(offset, time) for offset, time in enumerate(times)]
        self.pieces = [records[at : at + piece] for at in range(0, len(records), piece)]

    async def __call__(self) -> Sequence[Stamped]:
        return self.pieces.pop(0) if self.pieces else []


def merge(lanes: Sequence[Sequence[int]], piece: int = 2) -> list[tuple[int, Stamped]]:
    async def collect() -> list[tuple[int, Stamped]]:
        made = [Lane(n, Fetches(times, piece)) for n, times in enumerate(lanes)]
        return [each async for batch in merged(made) for each in batch]

    return asyncio.run(collect())


def test_records_come_by_time_and_ties_by_the_order_of_the_lanes() -> None:
    places = [(place, record.offset) for place, record in merge([[1, 5, 5], [2, 5], []])]
    assert places == [(0, 0), (1, 0), (0, 1), (0, 2), (1, 1)]


def test_a_late_record_keeps_its_place_in_its_partition() -> None:
    places = [(place, record.timestamp) for place, record in merge([[9, 3, 10], [9, 10]])]
    assert places == [(0, 9), (0, 3), (1, 9), (0, 10), (1, 10)]


@given(st.lists(st.lists(st.integers(0, 50), max_size=30), max_size=5), st.integers(1, 7))
@settings(max_examples=50, deadline=None)
def test_nothing_is_lost_doubled_or_turned_around(lanes: list[list[int]], piece: int) -> None:
    found = merge(lanes, piece)
    for place, times in enumerate(lanes):
        assert [record.timestamp for at, record in found if at == place] == times
    assert found == merge(lanes, 1_000)
    if all(times == sorted(times) for times in lanes):
        assert [r.timestamp for _, r in found] == sorted(t for times in lanes for t in times)
