"""The index over live orders: sorted ladders, and the bounds that tell whether a tick reaches anything."""

import random

import pytest

from streams.ids import Ref
from streams.messages import Quote
from tables.book import BookIndex
from tables.ladder import NEVER, Ladder
from tables.resting import Change, RestingOrder
from tests.broker.exchange import SYMBOL


def order(number: int, price: int, **changes: object) -> RestingOrder:
    fields: dict[str, object] = {
        "side": "buy",
        "type": "limit",
        "state": "WORKING",
        "queue": 0,
        "qty": 1,
    }
    return RestingOrder(
        order_id=str(number),
        client_order_id="c",
        account="a",
        symbol=SYMBOL,
        tif="GTC",
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
    change = Change(2, Ref("orders.accepted", 0, 9), Ref("orders", 0, 9), qty=1)
    index.change("8", None, order(8, 90, change=change))
    assert (index.books[SYMBOL].due, index.books[SYMBOL].trade_due) == (2, 3)
    assert index.books[SYMBOL].ladder("replace").reached(-2) == ["8"]
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


def test_index_bounds_of_trailing_stops_and_queues() -> None:
    index = BookIndex()
    trails = {"type": "trailing_stop", "state": "UNTRIGGERED"}
    waiting = [
        order(1, 0, side="sell", stop_price=90, best=100, **trails),
        order(2, 0, stop_price=130, best=120, **trails),
        order(3, 0, side="sell", stop_price=85, best=101, trigger="mark", **trails),
        order(4, 0, side="sell", stop_price=80, best=102, trigger="trade", **trails),
        order(5, 95, queue=4),
    ]
    for each in waiting:
        index.change(each.order_id, None, each)
    book = index.books[SYMBOL]
    assert (book.bid_low, book.bid_high, book.ask_low, book.ask_high) == (95, 101, 119, 102)
    assert (book.stop_low, book.stop_high) == (90, 102)
    assert (book.trade_low, book.trade_high) == (95, 103)


def test_trailing_stop_without_a_price_is_reached_by_every_quote() -> None:
    for side in ("buy", "sell"):
        index = BookIndex()
        unpriced = order(1, 0, side=side, type="trailing_stop", state="UNTRIGGERED")
        index.change("1", None, unpriced)
        book = index.books[SYMBOL]
        assert not (book.bid_low < 500 < book.bid_high and book.ask_low < 501 < book.ask_high)


@pytest.mark.parametrize(
    ("bid", "bid_size", "quiet"),
    [(101, 1, True), (100, 4, True), (100, 5, True), (100, 3, False), (99, 9, False)],
)
def test_quote_at_the_price_of_a_queue_is_quiet_while_it_shows_no_less(
    bid: int, bid_size: int, quiet: bool
) -> None:
    index = BookIndex()
    for each in (order(1, 100, queue=4), order(2, 100, queue=3), order(3, 90, queue=-1)):
        index.change(each.order_id, None, each)
    seen = Quote(SYMBOL, bid, 105, bid_size, 9, 7, 7, 0, "test")
    assert index.books[SYMBOL].is_quiet(seen, 7) == quiet
    assert not index.books[SYMBOL].is_quiet(seen, 8)


@pytest.mark.parametrize(
    ("bid", "ask", "quiet"),
    [(100, 110, True), (95, 110, False), (106, 110, False), (100, 104, False), (100, 120, False)],
)
def test_quote_that_reaches_a_stop_or_a_limit_is_not_quiet(bid: int, ask: int, quiet: bool) -> None:
    index = BookIndex()
    stops = {"type": "stop", "state": "UNTRIGGERED"}
    for each in (
        order(1, 0, side="sell", stop_price=95, **stops),
        order(2, 0, stop_price=120, **stops),
        order(3, 106, side="sell"),
        order(4, 104),
    ):
        index.change(each.order_id, None, each)
    seen = Quote(SYMBOL, bid, ask, 9, 9, 7, 7, 0, "test")
    assert index.books[SYMBOL].is_quiet(seen, 7) == quiet


def test_triggered_stop_limit_waits_as_a_taker() -> None:
    index = BookIndex()
    index.change("1", None, order(1, 90, type="stop_limit", state="TRIGGERED"))
    assert index.books[SYMBOL].takers == {"1"}
    index.change("2", None, order(2, 90, type="stop_limit", state="WORKING"))
    assert index.books[SYMBOL].ask_low == 90


def test_queue_that_is_not_known_is_looked_at_when_its_price_is_the_best() -> None:
    index = BookIndex()
    index.change("1", None, order(1, 100, queue=-1))
    seen = Quote(SYMBOL, 100, 105, 10**6, 9, 7, 7, 0, "test")
    assert not index.books[SYMBOL].is_quiet(seen, 7)


def test_held_order_and_one_without_armed_lots_are_nowhere_but_in_their_timers() -> None:
    index = BookIndex()
    index.change("1", None, order(1, 100, state="HELD", held=1, expire_at=50))
    index.change("2", None, order(2, 100, state="PARTIALLY_FILLED", qty=3, filled=1, held=2))
    book = index.books[SYMBOL]
    assert (book.ask_low, book.due, book.trade_due) == (-NEVER, 50, 50)
