"""The rules of one side of a book, each by the cases that tell it from its neighbours."""

from typing import Any

import msgspec
import pytest

from streams.messages import Quote, Side
from tables import matching
from tables.matching import Depth, Leg
from tables.resting import UNKNOWN

QUOTE = Quote("S", 100, 103, 5, 7, 1, 1, 1, "test")


def quote(**changed: Any) -> Quote:
    return msgspec.structs.replace(QUOTE, **changed)


@pytest.mark.parametrize(
    ("before", "price", "size", "after"),
    [
        (None, 100, 5, Depth(100, 5, 5, 0)),
        (None, 1, 1, Depth(1, 1, 1, 0)),
        (None, 0, 5, None),
        (None, -1, 5, None),
        (None, 100, 0, None),
        (Depth(100, 5, 2, 3), 100, 5, Depth(100, 5, 2, 3)),
        (Depth(100, 5, 2, 3), 100, 9, Depth(100, 9, 6, 3)),
        (Depth(100, 5, 4, 3), 100, 3, Depth(100, 3, 3, 3)),
        (Depth(100, 5, 1, 3), 100, 3, Depth(100, 3, 1, 3)),
        (Depth(100, 5, 0, 3), 100, 5, Depth(100, 5, 0, 3)),
        (Depth(101, 5, 2, 3), 100, 5, Depth(100, 5, 5, 0)),
    ],
)
def test_a_size_is_used_once_and_only_growth_is_new(
    before: Depth | None, price: int, size: int, after: Depth | None
) -> None:
    assert matching.depth(before, price, size) == after


@pytest.mark.parametrize(
    ("book", "used"),
    [
        (Depth(100, 5, 5), False),
        (Depth(100, 5, 4), True),
        (Depth(100, 5, 5, 1), True),
    ],
)
def test_a_side_is_used_when_less_is_left_or_its_walk_has_begun(book: Depth, used: bool) -> None:
    assert book.used is used


def test_a_fill_takes_from_the_displayed_size_or_from_the_walk() -> None:
    book = Depth(100, 5, 4, 2)
    assert book.without(3) == Depth(100, 5, 1, 2)
    assert book.without(3, 0) == Depth(100, 5, 1, 2)
    assert book.without(3, 1) == Depth(100, 5, 4, 5)
    assert (matching.left_of(book, 0), matching.left_of(book, 1)) == (4, 3)
    assert matching.left_of(book, 3) == 13


def legs(*terms: tuple[int, int, int]) -> list[Leg]:
    return [Leg(*term) for term in terms]


@pytest.mark.parametrize(
    ("book", "side", "qty", "worst", "least", "expected", "bounded"),
    [
        (Depth(100, 3, 3), "buy", 0, 0, 0, [], False),
        (Depth(100, 3, 3), "buy", 1, 0, 0, legs((100, 1, 0)), False),
        (Depth(100, 3, 3), "buy", 3, 0, 0, legs((100, 3, 0)), False),
        (Depth(100, 3, 3), "buy", 4, 0, 0, legs((100, 3, 0), (101, 1, 1)), False),
        (Depth(100, 3, 3), "sell", 8, 0, 0, legs((100, 3, 0), (99, 3, 1), (98, 2, 2)), False),
        (Depth(100, 3, 0), "buy", 2, 0, 0, legs((101, 2, 1)), False),
        (Depth(100, 3, 0, 1), "buy", 4, 0, 0, legs((101, 2, 1), (102, 2, 2)), False),
        (Depth(100, 3, 0, 3), "buy", 4, 0, 0, legs((102, 3, 2), (103, 1, 3)), False),
        (Depth(100, 3, 0, 4), "buy", 9, 0, 0, legs((102, 2, 2), (103, 3, 3), (104, 3, 4), (105, 1, 5)), False),
        (Depth(100, 3, 3), "buy", 9, 100, 0, legs((100, 3, 0)), True),
        (Depth(100, 3, 3), "buy", 9, 101, 0, legs((100, 3, 0), (101, 3, 1)), True),
        (Depth(100, 3, 3), "buy", 6, 101, 0, legs((100, 3, 0), (101, 3, 1)), False),
        (Depth(100, 3, 3), "buy", 1, 99, 0, [], True),
        (Depth(100, 3, 3), "sell", 9, 99, 0, legs((100, 3, 0), (99, 3, 1)), True),
        (Depth(100, 3, 3), "sell", 1, 101, 0, [], True),
        (Depth(2, 1, 1), "sell", 9, 0, 0, legs((2, 1, 0), (1, 1, 1)), False),
        (Depth(1, 1, 1), "sell", 9, 0, 0, legs((1, 1, 0)), False),
        (Depth(100, 1, 1), "buy", 99, 0, 0, [Leg(100 + j, 1, j) for j in range(11)], False),
        (Depth(100, 3, 3), "buy", 4, 0, 102, legs((102, 3, 0), (102, 1, 1)), False),
        (Depth(100, 3, 3), "buy", 4, 0, 100, legs((100, 3, 0), (101, 1, 1)), False),
        (Depth(100, 3, 3), "sell", 4, 0, 98, legs((98, 3, 0), (98, 1, 1)), False),
        (Depth(100, 3, 3), "sell", 4, 0, 101, legs((100, 3, 0), (99, 1, 1)), False),
        (Depth(100, 3, 3), "buy", 4, 101, 102, [], True),
        (Depth(100, 3, 3), "buy", 1, 0, 1, legs((100, 1, 0)), False),
    ],
)  # fmt: skip
def test_a_taker_walks_block_by_block_to_its_worst_price(
    book: Depth, side: Side, qty: int, worst: int, least: int, expected: list[Leg], bounded: bool
) -> None:
    assert matching.walk(book, side, qty, worst, least) == (expected, bounded)
    if not least:
        assert matching.walk(book, side, qty, worst) == (expected, bounded)


@pytest.mark.parametrize(
    ("changed", "usable"),
    [
        ({}, True),
        ({"flags": "repeat"}, True),
        ({"flags": "stale"}, False),
        ({"bid": 103}, True),
        ({"bid": 104}, False),
        ({"ask": 0}, True),
        ({"bid": 2, "ask": 1}, False),
    ],
)
def test_a_flagged_or_crossed_quote_is_no_market_and_a_locked_one_is(
    changed: dict[str, Any], usable: bool
) -> None:
    assert matching.is_usable(quote(**changed)) is usable


@pytest.mark.parametrize(
    ("changed", "assumed", "sizes"),
    [
        ({}, 9, (5, 7)),
        ({"bid_size": 0, "ask_size": 0}, 9, (9, 9)),
        ({"bid_size": 0}, 9, (9, 7)),
        ({"ask_size": 0}, 9, (5, 9)),
        ({"bid_size": 0, "ask_size": 0}, 0, (0, 0)),
        ({"bid": 0, "bid_size": 0}, 9, (0, 7)),
        ({"ask": 0, "ask_size": 0}, 9, (5, 0)),
        ({"ask": 0, "ask_size": 0, "bid_size": 0}, 9, (9, 0)),
        ({"bid": 1, "bid_size": 0}, 1, (1, 7)),
        ({"ask": 1, "bid": 0, "ask_size": 0}, 1, (5, 1)),
    ],
)
def test_a_side_without_size_has_the_assumed_one_only_where_it_has_a_price(
    changed: dict[str, Any], assumed: int, sizes: tuple[int, int]
) -> None:
    sized = matching.sized(quote(**changed), assumed)
    assert (sized.bid_size, sized.ask_size) == sizes
    assert (sized.bid, sized.ask, sized.time) == (
        changed.get("bid", 100),
        changed.get("ask", 103),
        1,
    )


@pytest.mark.parametrize(
    ("side", "price", "changed", "ahead"),
    [
        ("buy", 100, {}, 5),
        ("buy", 101, {}, 0),
        ("buy", 99, {}, UNKNOWN),
        ("sell", 103, {}, 7),
        ("sell", 102, {}, 0),
        ("sell", 104, {}, UNKNOWN),
        ("buy", 50, {"bid": 0, "bid_size": 0}, 0),
        ("sell", 500, {"ask": 0, "ask_size": 0}, 0),
        ("sell", 1, {"ask": 1}, 7),
        ("sell", 2, {"ask": 1}, UNKNOWN),
    ],
)
def test_what_stands_before_an_order_that_joins(
    side: Side, price: int, changed: dict[str, Any], ahead: int
) -> None:
    assert matching.queue_ahead("queue", side, price, quote(**changed)) == ahead
    assert matching.queue_ahead("never", side, price, quote(**changed)) == 0
    assert matching.queue_ahead("queue", side, price, None) == UNKNOWN


@pytest.mark.parametrize(
    ("queue", "side", "price", "left"),
    [
        (3, "buy", 100, 3),
        (9, "buy", 100, 5),
        (UNKNOWN, "buy", 100, 5),
        (9, "buy", 101, 0),
        (3, "buy", 99, 3),
        (UNKNOWN, "buy", 99, UNKNOWN),
        (9, "sell", 103, 7),
        (0, "sell", 103, 0),
    ],
)
def test_a_queue_is_no_longer_than_what_is_shown(
    queue: int, side: Side, price: int, left: int
) -> None:
    assert matching.queue_left(queue, side, price, QUOTE) == left
