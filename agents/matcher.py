"""The exchange's order of work at a usable quote: replaces, arrivals, triggers, stops, market orders, limits.

Fills are against the market alone; two orders never fill each other. Takers fill from quotes, since a trade shows no
book; a stop that a trade sets off takes from the quote that stands.
"""

from collections.abc import Iterable

from agents import activation, protection, replacement, taking
from agents.execution import Execution
from streams.messages import Quote, Side
from tables import matching, triggers
from tables.book import SymbolBook, limit_entry
from tables.resting import RestingOrder

SIDES: tuple[Side, Side] = ("buy", "sell")


def on_book(work: Execution, book: SymbolBook, quote: Quote) -> None:
    """Work through a usable quote, whose sides the execution shows."""
    moved = replacement.settle(work, book)
    arrivals = _arrivals(work, book)
    for order in arrivals:
        if order.is_stop:
            activation.wait(work, order)
    _trigger(work, book)
    _tighten(work, book, quote)
    waiting = orders(work, book.takers)
    take_stops(work, [order for order in waiting if taking.is_set_off(order)])
    take_each(work, [o for o in (*waiting, *arrivals) if o.type == "market"])
    limits = [order for order in waiting if order.is_limit]
    limits += [order for order in arrivals if order.type == "limit"]
    limits += orders(work, moved)
    for side in SIDES:
        _limits(work, book, side, [order for order in limits if order.side == side])
    taking.alive(work)
    _queue(work, book, quote)


def orders(work: Execution, order_ids: Iterable[str]) -> list[RestingOrder]:
    """The live orders among these that are not younger than the record."""
    found = (work.exchange.orders.get(order_id) for order_id in order_ids)
    return [order for order in found if order is not None and order.active_at <= work.time]


def take_stops(work: Execution, stops: list[RestingOrder]) -> None:
    """Let triggered stops take, protective ones first; a protective stop that works ends its entry."""
    for planned in sorted(stops, key=lambda order: (not order.is_protective, order.rank)):
        order = work.exchange.orders.get(planned.order_id)
        if order is None or not order.free or not work.may_take(order):
            continue
        taking.take(work, order)
        if order.is_protective:
            drop_entry(work, order)


def take_each(work: Execution, takers: list[RestingOrder]) -> None:
    """Let market orders take, the oldest first."""
    for planned in sorted(takers, key=lambda order: order.rank):
        order = work.exchange.orders.get(planned.order_id)
        if order is not None and order.free and work.may_take(order):
            taking.take(work, order)


def drop_entry(work: Execution, stop: RestingOrder) -> None:
    """The entry of a working protective stop ends, else it would open what is being closed."""
    entry = work.exchange.orders.get(stop.parent_id)
    if entry is not None:
        protection.cancel(work, entry, "STOP_CROSSED")


def set_off(work: Execution, order_ids: Iterable[str]) -> list[RestingOrder]:
    """Trigger the stops among these that the record sets off, protective ones first."""
    stops = [order for order in orders(work, order_ids) if work.sets_off(order)]
    stops.sort(key=lambda order: (not order.is_protective, order.rank))
    return [taking.trigger(work, order) for order in stops]


def _arrivals(work: Execution, book: SymbolBook) -> list[RestingOrder]:
    """Orders whose latency is over and whose side of the book can be judged."""
    due = orders(work, book.ladder("arrival").reached(-work.time))
    return [order for order in due if work.depth(order.side) is not None]


def _trigger(work: Execution, book: SymbolBook) -> None:
    reached: list[str] = []
    if work.bid is not None:
        reached += book.ladder("stop sell").reached(work.bid.price)
    if work.ask is not None:
        reached += book.ladder("stop buy").reached(-work.ask.price)
    set_off(work, reached)


def _tighten(work: Execution, book: SymbolBook, quote: Quote) -> None:
    """Let trailing stops that were not set off follow the quote."""
    reached: list[str] = []
    if work.bid is not None:
        reached += book.ladder("trail sell").reached(-work.bid.price)
        reached += book.ladder("mid trail buy").reached(work.bid.price)
    if work.ask is not None:
        reached += book.ladder("trail buy").reached(work.ask.price)
        reached += book.ladder("mid trail sell").reached(-work.ask.price)
    for order in orders(work, reached):
        price = triggers.watched(order.trigger, order.side, quote)
        if price:
            activation.tighten(work, order, price)


def _limits(work: Execution, book: SymbolBook, side: Side, arrivals: list[RestingOrder]) -> None:
    """Serve the limits of a side by price, then activation: arrivals take, resting ones fill at their price."""
    depth = work.depth(side)
    if depth is None:
        return
    reach = depth.price if side == "buy" else -depth.price
    queue = sorted(limit_entry(order) for order in arrivals)
    new = {entry[3] for entry in queue}
    ladder, last = book.ladder(f"limit {side}"), None
    while True:
        shown = work.depth(side)
        assert shown is not None
        resting = ladder.after(last, reach) if shown.left > 0 else None
        if queue and (resting is None or queue[-1] >= resting):
            order = work.exchange.orders.get(queue.pop()[3])
            if order is not None and order.free:
                taking.arrive(work, order)
        elif resting is not None:
            last = resting
            order = work.exchange.orders[resting[3]]
            new_here = order.order_id in new or order.order_id in work.armed
            if order.active_at <= work.time and not new_here:
                used = taking.make(work, order, shown.left, "THROUGH_QUOTE", max(0, order.queue))
                work.use(side, used)
        else:
            return


def _queue(work: Execution, book: SymbolBook, quote: Quote) -> None:
    """Shorten the queues ahead of orders at the best price, or behind which the best has fallen."""
    reached: list[str] = []
    if work.bid is not None:
        reached += book.ladder("queue buy").reached(quote.bid)
    if work.ask is not None:
        reached += book.ladder("queue sell").reached(-quote.ask)
    for order in orders(work, reached):
        queue = matching.queue_left(order.queue, order.side, order.price, quote)
        work.update(order, queue=queue)
