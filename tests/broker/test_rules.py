"""The small pure parts: life cycle, walk and used sizes, latency, and the index with its sorted ladders."""

from typing import Any

import pytest

from streams.ids import Ref
from streams.messages import TERMINAL, Quote, Side, Trigger
from tables import costs, lifecycle, matching, triggers
from tables.matching import Depth, Leg
from tables.resting import UNKNOWN
from tests.broker.exchange import MS, SYMBOL, instrument

LIVE = ["HELD", "ACCEPTED", "UNTRIGGERED", "TRIGGERED", "WORKING", "PARTIALLY_FILLED"]
ALLOWED = {
    "": "HELD ACCEPTED REJECTED",
    "HELD": "WORKING UNTRIGGERED CANCELLED",
    "ACCEPTED": "WORKING UNTRIGGERED PARTIALLY_FILLED FILLED CANCELLED REJECTED EXPIRED",
    "UNTRIGGERED": "TRIGGERED CANCELLED EXPIRED",
    "TRIGGERED": "WORKING PARTIALLY_FILLED FILLED CANCELLED",
    "WORKING": "PARTIALLY_FILLED FILLED CANCELLED EXPIRED",
    "PARTIALLY_FILLED": "PARTIALLY_FILLED FILLED CANCELLED EXPIRED",
}


@pytest.mark.parametrize("state", ["", *LIVE, *sorted(TERMINAL)])
@pytest.mark.parametrize("to", [*LIVE, *sorted(TERMINAL)])
def test_only_the_published_transitions_are_possible(state: str, to: str) -> None:
    if to in ALLOWED.get(state, "").split():
        lifecycle.check(state, to, to)
    else:
        with pytest.raises(lifecycle.ImpossibleTransition):
            lifecycle.check(state, to, to)


@pytest.mark.parametrize(
    "event", ["RESTATED", "REPLACED", "CANCEL_REJECTED", "REPLACE_REJECTED", "WAITING"]
)
def test_restating_keeps_a_live_state_and_nothing_follows_a_terminal_one(event: str) -> None:
    for state in LIVE:
        lifecycle.check(state, event, state)
    for state, to in [("FILLED", "FILLED"), ("", ""), ("WORKING", "FILLED")]:
        with pytest.raises(lifecycle.ImpossibleTransition):
            lifecycle.check(state, event, to)


@pytest.mark.parametrize(
    ("book", "side", "qty", "worst", "legs", "bounded"),
    [
        (Depth(100, 3, 3), "buy", 2, 0, [Leg(100, 2, 0)], False),
        (Depth(100, 3, 3), "buy", 7, 0, [Leg(100, 3, 0), Leg(101, 3, 1), Leg(102, 1, 2)], False),
        (Depth(100, 3, 3), "sell", 4, 0, [Leg(100, 3, 0), Leg(99, 1, 1)], False),
        (Depth(100, 3, 3), "buy", 7, 101, [Leg(100, 3, 0), Leg(101, 3, 1)], True),
        (Depth(100, 3, 3), "buy", 6, 101, [Leg(100, 3, 0), Leg(101, 3, 1)], False),
        (Depth(100, 3, 3), "buy", 1, 99, [], True),
        (Depth(100, 3, 0, 4), "buy", 3, 0, [Leg(102, 2, 2), Leg(103, 1, 3)], False),
        (Depth(2, 1, 1), "sell", 9, 0, [Leg(2, 1, 0), Leg(1, 1, 1)], False),
        (Depth(100, 1, 0, 10), "buy", 5, 0, [], False),
        (Depth(100, 1, 1), "buy", 20, 0, [Leg(100 + j, 1, j) for j in range(11)], False),
    ],
)
def test_walk(
    book: Depth, side: Side, qty: int, worst: int, legs: list[Leg], bounded: bool
) -> None:
    assert matching.walk(book, side, qty, worst) == (legs, bounded)


@pytest.mark.parametrize(
    ("before", "price", "size", "after"),
    [
        (None, 100, 5, Depth(100, 5, 5)),
        (Depth(100, 5, 2), 100, 5, Depth(100, 5, 2)),
        (Depth(100, 5, 2), 100, 7, Depth(100, 7, 4)),
        (Depth(100, 5, 2), 100, 1, Depth(100, 1, 1)),
        (Depth(100, 5, 2), 101, 5, Depth(101, 5, 5)),
        (Depth(100, 5, 0, 3), 100, 5, Depth(100, 5, 0, 3)),
        (Depth(100, 5, 2), 0, 0, None),
        (None, 100, 0, None),
        (None, 0, 5, None),
        (None, 1, 1, Depth(1, 1, 1)),
    ],
)
def test_used_size_is_renewed_only_by_growth_or_a_new_price(
    before: Depth | None, price: int, size: int, after: Depth | None
) -> None:
    assert matching.depth(before, price, size) == after


@pytest.mark.parametrize(
    ("side", "least", "worst", "legs", "bounded"),
    [
        ("sell", 98, 0, [Leg(98, 3, 0), Leg(98, 3, 1), Leg(98, 3, 2), Leg(97, 1, 3)], False),
        ("sell", 105, 0, [Leg(100, 3, 0), Leg(99, 3, 1), Leg(98, 3, 2), Leg(97, 1, 3)], False),
        ("buy", 102, 0, [Leg(102, 3, 0), Leg(102, 3, 1), Leg(102, 3, 2), Leg(103, 1, 3)], False),
        ("buy", 102, 101, [], True),
    ],
)
def test_walk_is_no_better_than_the_trade_that_led_to_it(
    side: Side, least: int, worst: int, legs: list[Leg], bounded: bool
) -> None:
    assert matching.walk(Depth(100, 3, 3), side, 10, worst, least) == (legs, bounded)


@pytest.mark.parametrize(
    ("book", "block", "left"),
    [(Depth(100, 3, 2), 0, 2), (Depth(100, 3, 0, 4), 1, -1), (Depth(100, 3, 0, 4), 2, 2)],
)
def test_what_is_left_of_the_displayed_size_or_of_the_walk(
    book: Depth, block: int, left: int
) -> None:
    assert matching.left_of(book, block) == left


def test_fill_uses_up_the_block_that_it_came_from() -> None:
    assert Depth(100, 3, 3).without(2) == Depth(100, 3, 1)
    assert Depth(100, 3, 0, 1).without(2, 1) == Depth(100, 3, 0, 3)
    assert [Depth(100, 3, 3).used, Depth(100, 3, 2).used, Depth(100, 3, 3, 1).used] == [
        False,
        True,
        True,
    ]


def quote(bid: int, ask: int, bid_size: int = 5, ask_size: int = 7, flags: Any = "") -> Quote:
    """A quote whose times do not matter."""
    return Quote(SYMBOL, bid, ask, bid_size, ask_size, 0, 0, 0, "test", flags)


@pytest.mark.parametrize(
    ("seen", "usable"),
    [
        (quote(100, 101), True),
        (quote(100, 101, flags="repeat"), True),
        (quote(100, 100), True),
        (quote(101, 100), False),
        (quote(100, 0), True),
        (quote(0, 1), True),
        (quote(5, 1), False),
        (quote(100, 101, flags="stale"), False),
        (quote(100, 101, flags="late"), False),
        (quote(100, 101, flags="suspect"), False),
    ],
)
def test_quotes_to_match_against(seen: Quote, usable: bool) -> None:
    assert matching.is_usable(seen) == usable


@pytest.mark.parametrize(
    ("seen", "assumed", "sizes"),
    [
        (quote(100, 101, 0, 0), 9, (9, 9)),
        (quote(100, 101, 0, 7), 9, (9, 7)),
        (quote(100, 101, 5, 0), 9, (5, 9)),
        (quote(0, 101, 0, 0), 9, (0, 9)),
        (quote(100, 0, 0, 0), 9, (9, 0)),
        (quote(100, 101), 9, (5, 7)),
        (quote(100, 101, 0, 0), 0, (0, 0)),
        (quote(1, 1, 0, 0), 9, (9, 9)),
    ],
)
def test_sizes_are_assumed_where_a_price_has_none(
    seen: Quote, assumed: int, sizes: tuple[int, int]
) -> None:
    sized = matching.sized(seen, assumed)
    assert (sized.bid_size, sized.ask_size) == sizes
    assert (sized.bid, sized.ask) == (seen.bid, seen.ask)


@pytest.mark.parametrize(
    ("side", "price", "ahead"),
    [
        ("buy", 100, 5),
        ("buy", 101, 0),
        ("buy", 99, UNKNOWN),
        ("sell", 110, 7),
        ("sell", 109, 0),
        ("sell", 111, UNKNOWN),
    ],
)
def test_queue_ahead_is_what_the_own_side_shows(side: Side, price: int, ahead: int) -> None:
    seen = quote(100, 110)
    assert matching.queue_ahead("queue", side, price, seen) == ahead
    assert matching.queue_ahead("queue", side, price, None) == UNKNOWN
    assert matching.queue_ahead("queue", side, price, quote(0, 0, 0, 0)) == 0
    assert matching.queue_ahead("never", side, price, seen) == 0
    assert matching.queue_ahead("always", side, price, None) == 0


@pytest.mark.parametrize(
    ("queue", "price", "left"),
    [
        (UNKNOWN, 99, UNKNOWN),
        (UNKNOWN, 100, 5),
        (UNKNOWN, 101, 0),
        (3, 100, 3),
        (9, 100, 5),
        (9, 101, 0),
        (9, 99, 9),
    ],
)
def test_queue_is_no_longer_than_what_is_shown(queue: int, price: int, left: int) -> None:
    assert matching.queue_left(queue, "buy", price, quote(100, 110)) == left


@pytest.mark.parametrize(
    ("trigger", "side", "stop", "seen", "goes_off"),
    [
        ("quote", "sell", 100, quote(100, 110), True),
        ("quote", "sell", 99, quote(100, 110), False),
        ("quote", "sell", 99, quote(0, 110), False),
        ("quote", "sell", 100, quote(100, 110, bid_size=0), False),
        ("quote", "buy", 110, quote(100, 110), True),
        ("quote", "buy", 111, quote(100, 110), False),
        ("quote", "buy", 1, quote(100, 0), False),
        ("quote", "buy", 110, quote(100, 110, ask_size=0), False),
        ("mark", "sell", 105, quote(100, 110), True),
        ("mark", "sell", 105, quote(100, 111), False),
        ("mark", "sell", 106, quote(100, 111), True),
        ("mark", "sell", 500, quote(0, 111), False),
        ("mark", "sell", 500, quote(100, 111, ask_size=0), False),
        ("mark", "buy", 105, quote(100, 110), True),
        ("mark", "buy", 106, quote(100, 111), False),
        ("mark", "buy", 1, quote(1, 0), False),
        ("trade", "sell", 500, quote(100, 110), False),
    ],
)
def test_stops_by_quote_and_mark(
    trigger: Trigger, side: Side, stop: int, seen: Quote, goes_off: bool
) -> None:
    assert triggers.by_quote(trigger, side, stop, seen) == goes_off


def test_stops_by_trade() -> None:
    sells = [triggers.by_trade("sell", 100, price) for price in (99, 100, 101)]
    buys = [triggers.by_trade("buy", 100, price) for price in (99, 100, 101)]
    assert (sells, buys) == ([True, True, False], [False, True, True])


@pytest.mark.parametrize(
    ("trigger", "side", "seen", "price"),
    [
        ("quote", "sell", quote(100, 111), 100),
        ("quote", "buy", quote(100, 111), 111),
        ("trade", "sell", quote(100, 111), 100),
        ("mark", "sell", quote(100, 111), 105),
        ("mark", "buy", quote(100, 111), 106),
        ("mark", "buy", quote(100, 110), 105),
        ("mark", "buy", quote(100, 0), 0),
        ("mark", "sell", quote(100, 111, bid_size=0), 0),
        ("quote", "buy", quote(100, 111, ask_size=0), 0),
    ],
)
def test_what_a_trailing_stop_follows(
    trigger: Trigger, side: Side, seen: Quote, price: int
) -> None:
    assert triggers.watched(trigger, side, seen) == price


def test_trail_and_the_stop_behind_it() -> None:
    assert [
        triggers.trail_ticks(*terms) for terms in ((3, 0, 10), (0, 25, 1000), (0, 20, 1000))
    ] == [3, 3, 2]
    assert triggers.trailing("sell", 100, 7) == 93
    assert triggers.trailing("sell", 5, 7) == 1
    assert triggers.trailing("buy", 100, 7) == 107


def test_latency_is_drawn_from_the_place_in_the_log_within_the_bounds() -> None:
    known = instrument(latency_low_ms=50, latency_high_ms=300)
    draws = [
        costs.latency_ns(known, Ref("orders.accepted", 0, offset), "order") for offset in range(500)
    ]
    assert min(draws) >= 50 * MS and max(draws) <= 300 * MS
    assert len(set(draws)) == 500 and max(draws) - min(draws) > 200 * MS
    ref = Ref("orders.accepted", 0, 7)
    assert costs.latency_ns(known, ref, "order") == draws[7]
    assert costs.latency_ns(known, ref, "cancel") != draws[7]
    assert costs.latency_ns(known, ref, "order", seed=1) != draws[7]
