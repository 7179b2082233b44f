"""The small pure parts: life cycle, walk and used sizes, latency, and the index with its sorted ladders."""

import random

import pytest

from streams.ids import Ref
from streams.messages import TERMINAL, Side
from tables import costs, lifecycle, matching
from tables.book import BookIndex
from tables.ladder import NEVER, Ladder
from tables.matching import Depth, Leg
from tables.resting import RestingOrder
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
    ],
)
def test_used_size_is_renewed_only_by_growth_or_a_new_price(
    before: Depth | None, price: int, size: int, after: Depth | None
) -> None:
    assert matching.depth(before, price, size) == after


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


def order(number: int, price: int, **changes: object) -> RestingOrder:
    fields: dict[str, object] = {"side": "buy", "type": "limit", "state": "WORKING", "queue": 0}
    return RestingOrder(
        order_id=str(number),
        client_order_id="c",
        account="a",
        symbol=SYMBOL,
        tif="GTC",
        qty=1,
        active_at=number,
        accepted_ref=Ref("orders.accepted", 0, number),
        command_ref=Ref("orders", 0, number),
        maker_rate=0,
        taker_rate=0,
        price=price,
        **(fields | changes),  # type: ignore[arg-type]  # chosen by each test
    )


@pytest.mark.parametrize("count", [10, 500])
def test_ladder_serves_like_a_sorted_list(count: int) -> None:
    draw, ladder, twin = random.Random(count), Ladder(), []
    for number in range(count):
        entry = (draw.randrange(50), -number, -number, str(number))
        ladder.add(entry)
        twin.append(entry)
    for _ in range(count):
        reach = draw.randrange(50)
        best_first = [entry for entry in sorted(twin, reverse=True) if entry[0] >= reach]
        assert ladder.best == max(twin)[0]
        assert ladder.reached(reach) == [entry[3] for entry in best_first]
        assert ladder.after(None, reach) == (best_first[0] if best_first else None)
        gone = twin.pop(draw.randrange(len(twin)))
        ladder.remove(gone)
        assert ladder.after(gone, 0) == max((e for e in twin if e < gone), default=None)
    assert ladder.best == -NEVER


def test_index_bounds_are_the_nearest_prices_that_matter() -> None:
    index = BookIndex()
    resting = [
        order(1, 90),
        order(2, 95),
        order(3, 110, side="sell"),
        order(4, 105, side="sell"),
        order(5, 0, side="sell", type="stop", state="UNTRIGGERED", stop_price=80),
        order(6, 0, type="stop", state="UNTRIGGERED", stop_price=120),
        order(7, 1, state="HELD"),
    ]
    for each in resting:
        index.change(each.order_id, None, each)
    book = index.books[SYMBOL]
    quoted = (book.bid_low, book.bid_high, book.ask_low, book.ask_high)
    assert quoted == (80, 105, 95, 120)
    assert (book.trade_low, book.trade_high) == (95, 105)
    assert (book.due, book.live) == (NEVER, 7)
    index.change("2", resting[1], None)
    assert book.ask_low == 90
    for each in (each for each in resting if each.order_id != "2"):
        index.change(each.order_id, each, None)
    assert not index.books


def test_index_is_due_for_arrivals_cancels_and_waiting_takers() -> None:
    index = BookIndex()
    arrival = order(5, 90, state="ACCEPTED")
    index.change("5", None, arrival)
    assert (index.books[SYMBOL].due, index.books[SYMBOL].trade_due) == (5, NEVER)
    under_cancel = order(6, 90, cancel_at=3)
    index.change("6", None, under_cancel)
    assert (index.books[SYMBOL].due, index.books[SYMBOL].trade_due) == (3, 3)
    index.change("7", None, order(7, 0, type="market"))
    assert index.books[SYMBOL].due == 0


def test_index_that_forgets_its_orders_still_knows_what_is_consumed() -> None:
    index = BookIndex()
    index.change("1", None, order(1, 90))
    index.consume(SYMBOL, True)
    index.clear()
    book = index.books[SYMBOL]
    assert (book.live, book.consumed, book.due) == (0, True, 0)
    index.consume(SYMBOL, False)
    assert not index.books
