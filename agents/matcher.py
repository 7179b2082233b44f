"""The exchange's order of work at one market record: arrivals, triggers, stops, market orders, limits.

Fills are against the market alone; two orders never fill each other. Takers fill from quotes only, since a trade shows
no book; a trade at the limit price fills nothing (queue model `never`), one beyond it does.
"""

from collections.abc import Iterable

from agents import protection
from agents.execution import Execution
from streams.messages import Side, Trade
from tables import costs, matching
from tables.book import Entry, RestingOrder, SymbolBook, limit_entry

SIDES: tuple[Side, Side] = ("buy", "sell")


def on_book(work: Execution, book: SymbolBook) -> None:
    """Work through a usable quote, whose sides the execution shows."""
    arrivals = _arrivals(work, book)
    for order in arrivals:
        if order.type == "stop":
            work.step(order, "UNTRIGGERED", "UNTRIGGERED")
    _trigger(work, book)
    waiting = _orders(work, book.takers)
    stops = [order for order in waiting if order.type == "stop"]
    _take_each(work, sorted(stops, key=lambda order: (not order.is_protective, order.rank)))
    markets = [order for order in (*waiting, *arrivals) if order.type == "market"]
    _take_each(work, sorted(markets, key=lambda order: order.rank))
    limits = [order for order in arrivals if order.type == "limit"]
    for side in SIDES:
        _limits(work, book, side, [order for order in limits if order.side == side])
    _take_each(work, [order for order in _orders(work, work.armed) if _is_marketable(work, order)])


def on_trade(work: Execution, book: SymbolBook, trade: Trade) -> None:
    """Fill resting limits that a trade went through, with its size."""
    left = trade.size
    for side, reach in (("buy", trade.price + 1), ("sell", 1 - trade.price)):
        entry: Entry | None = None
        ladder = book.ladders[f"limit {side}"]
        while left > 0 and (entry := ladder.after(entry, reach)) is not None:
            order = work.exchange.orders[entry[3]]
            if order.active_at <= work.time and order.order_id not in work.armed:
                left -= make(work, order, left, "THROUGH_TRADE")


def take(work: Execution, order: RestingOrder) -> None:
    """Fill an order against the shown book as far as it goes, then settle what its rest does."""
    depth = work.depth(order.side)
    assert depth is not None
    if protection.is_crossed(work, order):
        protection.cancel(work, order, "STOP_CROSSED")
        return
    room = work.reducible(order)
    worst = order.price if order.type == "limit" else order.protection
    legs, bounded = matching.walk(depth, order.side, room, worst)
    if order.tif == "FOK" and sum(leg.qty for leg in legs) < order.remaining:
        short = "REDUCE_ONLY" if room < order.remaining else "FOK_UNFILLED"
        protection.cancel(work, order, short)
        return
    displayed = "STOP" if order.type == "stop" else "TAKER"
    for leg in legs:
        qty = min(leg.qty, work.reducible(order))  # a leg may have shrunk the bracket of this exit
        work.use(order.side, qty, leg.block)
        price = costs.no_slippage(leg.price, order.side)
        _fill(work, order, qty, price, maker=False, rule="WALK" if leg.block else displayed)
        live = work.exchange.orders.get(order.order_id)
        if live is None:
            return
        order = live
    _rest(work, order, bounded)


def make(work: Execution, order: RestingOrder, left: int, rule: str) -> int:
    """Fill a resting limit at its price from `left` lots; returns how many it used."""
    qty = min(work.reducible(order), left)
    if qty == 0:
        protection.cancel(work, order, "REDUCE_ONLY")
        return 0
    _fill(work, order, qty, order.price, maker=True, rule=rule)
    if protection.is_crossed(work, order):
        _stop_out(work, order.order_id)
    live = work.exchange.orders.get(order.order_id)
    if live is not None and work.reducible(live) == 0:
        protection.cancel(work, live, "REDUCE_ONLY")
    return qty


def _fill(
    work: Execution, order: RestingOrder, qty: int, price: int, *, maker: bool, rule: str
) -> None:
    work.fill(order, qty, price, maker, rule)
    protection.filled(work, order, qty)


def _rest(work: Execution, order: RestingOrder, bounded: bool) -> None:
    """What becomes of the part of a taker that did not fill."""
    if work.reducible(order) == 0:
        protection.cancel(work, order, "REDUCE_ONLY")
    elif bounded and order.type != "limit":
        protection.cancel(work, order, "PROTECTION")
    elif order.tif == "IOC":
        protection.cancel(work, order, "IOC_REST")
    elif order.state == "ACCEPTED":
        work.step(order, "WORKING", "WORKING")


def _arrivals(work: Execution, book: SymbolBook) -> list[RestingOrder]:
    """Orders whose latency is over and whose side of the book can be judged."""
    due = _orders(work, book.ladders["arrival"].reached(-work.time))
    return [order for order in due if work.depth(order.side) is not None]


def _trigger(work: Execution, book: SymbolBook) -> None:
    reached: list[str] = []
    if work.bid is not None:
        reached += book.ladders["stop sell"].reached(work.bid.price)
    if work.ask is not None:
        reached += book.ladders["stop buy"].reached(-work.ask.price)
    stops = _orders(work, reached)
    for order in sorted(stops, key=lambda order: (not order.is_protective, order.rank)):
        work.step(order, "TRIGGERED", "TRIGGERED")


def _take_each(work: Execution, orders: Iterable[RestingOrder]) -> None:
    for planned in orders:
        order = work.exchange.orders.get(planned.order_id)
        if order is None or work.depth(order.side) is None:
            continue
        take(work, order)
        if order.is_protective:
            _drop_entry(work, order)


def _limits(work: Execution, book: SymbolBook, side: Side, arrivals: list[RestingOrder]) -> None:
    """Serve the limits of a side by price, then activation: arrivals take, resting ones fill at their price."""
    depth = work.depth(side)
    if depth is None:
        return
    reach = depth.price if side == "buy" else -depth.price
    queue = sorted(limit_entry(order) for order in arrivals)
    ladder, last = book.ladders[f"limit {side}"], None
    while True:
        shown = work.depth(side)
        assert shown is not None
        resting = ladder.after(last, reach) if shown.left > 0 else None
        if queue and (resting is None or queue[-1] > resting):
            _arrive(work, queue.pop()[3])
        elif resting is not None:
            last = resting
            order = work.exchange.orders[resting[3]]
            if order.active_at <= work.time and order.order_id not in work.armed:
                work.use(side, make(work, order, shown.left, "THROUGH_QUOTE"))
        else:
            return


def _arrive(work: Execution, order_id: str) -> None:
    order = work.exchange.orders.get(order_id)
    if order is None:
        return
    if _is_marketable(work, order):
        take(work, order)
    elif protection.is_crossed(work, order):
        protection.cancel(work, order, "STOP_CROSSED")
    elif order.tif == "GTC":
        work.step(order, "WORKING", "WORKING")
    else:
        protection.cancel(work, order, "IOC_REST" if order.tif == "IOC" else "FOK_UNFILLED")


def _stop_out(work: Execution, entry_id: str) -> None:
    """An entry filled on the wrong side of its own stop: its rest goes, what has filled is stopped out at once."""
    bracket = work.exchange.brackets[entry_id]
    entry = work.exchange.orders.get(entry_id)
    if entry is not None:
        protection.cancel(work, entry, "STOP_CROSSED")
    stop = work.exchange.orders[bracket.stop_id]
    if stop.state == "UNTRIGGERED":
        stop = work.step(stop, "TRIGGERED", "TRIGGERED")
    if work.depth(stop.side) is not None and stop.active_at <= work.time:
        take(work, stop)


def _drop_entry(work: Execution, stop: RestingOrder) -> None:
    """A protective stop that is working ends its entry, else the entry would open what is being closed."""
    entry = work.exchange.orders.get(stop.parent_id)
    if entry is not None:
        protection.cancel(work, entry, "STOP_CROSSED")


def _is_marketable(work: Execution, order: RestingOrder) -> bool:
    depth = work.depth(order.side)
    return depth is not None and order.sign * (order.price - depth.price) >= 0


def _orders(work: Execution, order_ids: Iterable[str]) -> list[RestingOrder]:
    """The live orders among these that are not younger than the record."""
    orders = (work.exchange.orders.get(order_id) for order_id in order_ids)
    return [order for order in orders if order is not None and order.active_at <= work.time]
