"""Chunks of several topics: merged by event time, never past what is known."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from streams.gather import HOLD_S, Gather, Place, Run

QUOTES, TRADES = Place("quotes", 0), Place("trades", 0)
CELL = ("symbol", 0)


class Tick(NamedTuple):
    offset: int
    timestamp: int


def gather(most: int = 100) -> Gather:
    fresh = Gather(most)
    fresh.assign({CELL: [QUOTES, TRADES]})
    return fresh


def ticks(*times: int) -> list[Tick]:
    return [Tick(offset, time) for offset, time in enumerate(times)]


def ends(*places: Place) -> Callable[[Place], bool]:
    return lambda place: place in places


def order(runs: Sequence[Run]) -> list[tuple[str, int]]:
    return [(topic, record.timestamp) for topic, records in runs for record in records]


def test_topics_at_their_end_are_merged_by_event_time() -> None:
    cell = gather()
    cell.add(CELL, QUOTES, ticks(1, 4, 5))
    cell.add(CELL, TRADES, ticks(2, 5, 9))
    runs = cell.chunk(CELL, ends(QUOTES, TRADES), 0.0)
    assert order(runs) == [
        ("quotes", 1), ("trades", 2), ("quotes", 4), ("quotes", 5), ("trades", 5), ("trades", 9),
    ]  # fmt: skip
    assert cell.chunk(CELL, ends(QUOTES, TRADES), 0.0) == []


def test_a_topic_with_more_to_come_holds_the_others_at_its_last_time() -> None:
    cell = gather()
    cell.add(CELL, QUOTES, ticks(1, 3))
    cell.add(CELL, TRADES, ticks(2, 4))
    assert order(cell.chunk(CELL, ends(TRADES), 0.0)) == [
        ("quotes", 1),
        ("trades", 2),
        ("quotes", 3),
    ]
    cell.add(CELL, QUOTES, ticks(5))
    assert order(cell.chunk(CELL, ends(QUOTES, TRADES), 0.0)) == [("trades", 4), ("quotes", 5)]


def test_a_cell_waits_for_records_that_the_broker_has_but_not_for_ever() -> None:
    cell = gather()
    cell.add(CELL, TRADES, ticks(2))
    assert cell.chunk(CELL, ends(TRADES), 0.0) == []
    assert cell.holding
    assert order(cell.chunk(CELL, ends(TRADES), HOLD_S)) == [("trades", 2)]
    assert not cell.holding


def test_a_topic_at_its_end_without_records_holds_nothing() -> None:
    cell = gather()
    cell.add(CELL, TRADES, ticks(2, 3))
    assert order(cell.chunk(CELL, ends(QUOTES, TRADES), 0.0)) == [("trades", 2), ("trades", 3)]


times = st.lists(st.integers(0, 50), max_size=30)


@given(times, times, st.integers(1, 12))
def test_every_record_comes_once_in_its_topics_order(
    quotes: list[int], trades: list[int], most: int
) -> None:
    cell = gather(most)
    cell.add(CELL, QUOTES, ticks(*quotes))
    cell.add(CELL, TRADES, ticks(*trades))
    seen: dict[str, list[int]] = {"quotes": [], "trades": []}
    while runs := cell.chunk(CELL, ends(QUOTES, TRADES), 0.0):
        assert sum(len(records) for _, records in runs) <= most
        for topic, records in runs:
            seen[topic] += [record.offset for record in records]
    assert seen == {"quotes": list(range(len(quotes))), "trades": list(range(len(trades)))}


@given(st.lists(st.integers(0, 50), max_size=30).map(sorted), times.map(sorted))
def test_records_in_time_order_stay_in_time_order_across_topics(
    quotes: list[int], trades: list[int]
) -> None:
    cell = gather()
    cell.add(CELL, QUOTES, ticks(*quotes))
    cell.add(CELL, TRADES, ticks(*trades))
    merged = [time for _, time in order(cell.chunk(CELL, ends(QUOTES, TRADES), 0.0))]
    assert merged == sorted(quotes + trades)
