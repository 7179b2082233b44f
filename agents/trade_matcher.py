"""The exchange's order of work at a public trade: triggers, the stops they set off, then resting limits."""

from agents import activation, matcher, taking
from agents.execution import Execution
from streams.messages import Side, Trade
from tables.book import SymbolBook
from tables.ladder import Entry
from tables.resting import UNKNOWN, RestingOrder

AGGRESSOR: dict[Side, Side] = {"buy": "sell", "sell": "buy"}
"""Who trades with a resting order of a side."""


def on_trade(work: Execution, book: SymbolBook, trade: Trade) -> None:
    """Work through a trade while the execution shows the standing quote."""
    reached = book.ladder("last sell").reached(trade.price)
    reached += book.ladder("last buy").reached(-trade.price)
    stops = matcher.set_off(work, reached)
    _tighten(work, book, trade)
    matcher.take_stops(work, [order for order in stops if taking.is_set_off(order)])
    for order in stops:
        live = work.exchange.orders.get(order.order_id)
        if live is not None and live.is_limit and work.may_take(live):
            taking.arrive(work, live)
    _limits(work, book, trade)
    taking.alive(work)


def _tighten(work: Execution, book: SymbolBook, trade: Trade) -> None:
    reached = book.ladder("last trail sell").reached(-trade.price)
    reached += book.ladder("last trail buy").reached(trade.price)
    for order in matcher.orders(work, reached):
        activation.tighten(work, order, trade.price)


def _limits(work: Execution, book: SymbolBook, trade: Trade) -> None:
    """Fill resting limits with the trade's size: those it went through, then those at its price behind their queue."""
    used = 0
    for side in matcher.SIDES:
        entry: Entry | None = None
        ladder, reach = book.ladder(f"limit {side}"), trade.price if side == "buy" else -trade.price
        while (entry := ladder.after(entry, reach)) is not None:
            order = work.exchange.orders[entry[3]]
            if order.active_at > work.time or order.order_id in work.armed:
                continue
            if order.price != trade.price:
                used += _through(work, order, trade.size - used)
            else:
                used += _touch(work, order, trade, used)


def _through(work: Execution, order: RestingOrder, left: int) -> int:
    """A trade beyond the price has left no queue at it."""
    reached = work.update(order, queue=0)
    if left <= 0:
        return 0
    return taking.make(work, reached, left, "THROUGH_TRADE", max(0, order.queue))


def _touch(work: Execution, order: RestingOrder, trade: Trade, used: int) -> int:
    """A trade at the price takes the queue down, and fills with what is left of it behind the queue."""
    model = work.instrument.queue
    if model == "always":
        wrong_side = trade.side == order.side
        return 0 if wrong_side or trade.size <= used else _maker(work, order, trade.size - used)
    if model == "never" or trade.side != AGGRESSOR[order.side] or order.queue == UNKNOWN:
        return 0
    queue = order.queue
    left = trade.size - queue - used
    behind = work.update(order, queue=max(0, queue - trade.size))
    return taking.make(work, behind, left, "QUEUE", queue) if left > 0 else 0


def _maker(work: Execution, order: RestingOrder, left: int) -> int:
    return taking.make(work, order, left, "TOUCH")
