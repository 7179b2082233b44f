"""The exchange's work on one record: it books fills, moves orders through their life, and collects what goes out."""

from typing import Any

import msgspec

from agents import records
from agents.handler import Output
from agents.records import Deal
from streams import topics
from streams.ids import Ref
from streams.instruments import Instrument
from streams.messages import TERMINAL, Quote, Side, State
from tables import lifecycle, matching, triggers
from tables.exchange import Consumed, Exchange, Holding, holding_key
from tables.lifecycle import BrokenInvariant
from tables.matching import Depth
from tables.resting import RestingOrder


class Execution:
    """One record's work on one symbol.

    time: the record's event time in ns. quote: the standing book, None when there is none to rely on; shown_at: from
    when it is, and orders that are younger do not take from it. trade_price: ticks of a trade, else 0. bid, ask: what
    takers may use. armed: orders that came alive in this record; ended: those that ended; touched: brackets to check.
    """

    def __init__(
        self,
        cause: Ref,
        time: int,
        exchange: Exchange,
        instrument: Instrument,
        quote: Quote | None = None,
        trade_price: int = 0,
    ) -> None:
        self.cause = cause
        self.time = time
        self.exchange = exchange
        self.instrument = instrument
        self.quote = quote
        self.shown_at = min(time, quote.time) if quote is not None else time
        self.trade_price = trade_price
        self.bid: Depth | None = None
        self.ask: Depth | None = None
        self.outputs: list[Output] = []
        self.armed: list[str] = []
        self.ended: list[str] = []
        self.touched: set[str] = set()
        self._taken: set[Side] = set()

    def depth(self, side: Side) -> Depth | None:
        """The side of the book that an order of `side` takes from."""
        return self.ask if side == "buy" else self.bid

    def may_take(self, order: RestingOrder) -> bool:
        """Whether an order's side of the book is shown by a record that is not older than the order."""
        return self.depth(order.side) is not None and order.active_at <= self.shown_at

    def use(self, side: Side, qty: int, block: int = 0) -> None:
        """Note that an order of `side` has used displayed or walked size."""
        depth = self.depth(side)
        assert depth is not None
        self._taken.add(side)
        if side == "buy":
            self.ask = depth.without(qty, block)
        else:
            self.bid = depth.without(qty, block)

    def show(self, quote: Quote) -> None:
        """Let takers use a quote, less what is used of it already."""
        before = self.exchange.consumed.get(quote.symbol) or Consumed()
        self.bid = matching.depth(before.bid, quote.bid, quote.bid_size)
        self.ask = matching.depth(before.ask, quote.ask, quote.ask_size)

    def remember_used(self, symbol: str) -> None:
        """Keep what is used of the shown quote; a side that could not be seen keeps what was known."""
        before = self.exchange.consumed.get(symbol) or Consumed()
        self._keep(
            symbol, before, Consumed(_used(self.bid, before.bid), _used(self.ask, before.ask))
        )

    def remember_taken(self, symbol: str) -> None:
        """Keep what was used of the quote that stood at a trade; a trade shows no book that could renew a size."""
        before = self.exchange.consumed.get(symbol) or Consumed()
        bid = self.bid if "sell" in self._taken else before.bid
        ask = self.ask if "buy" in self._taken else before.ask
        self._keep(symbol, before, Consumed(bid, ask))

    def _keep(self, symbol: str, before: Consumed, after: Consumed) -> None:
        if after == before:
            return
        if after == Consumed():
            self.exchange.consumed.delete(symbol)
        else:
            self.exchange.consumed.put(symbol, after)

    def sets_off(self, order: RestingOrder) -> bool:
        """Whether this record's prices trigger a stop."""
        if not order.stop_price:
            return False
        if order.trigger == "trade":
            price = self.trade_price
            return price > 0 and triggers.by_trade(order.side, order.stop_price, price)
        quote = self.quote
        return quote is not None and triggers.by_quote(
            order.trigger, order.side, order.stop_price, quote
        )

    def queue_for(self, order: RestingOrder, price: int) -> int:
        """Lots ahead of an order that joins the standing book at a price."""
        return matching.queue_ahead(self.instrument.queue, order.side, price, self.quote)

    def reducible(self, order: RestingOrder) -> int:
        """Lots that may fill now: what is free, for a reduce-only order at most the position it reduces."""
        if not order.reduce_only:
            return order.free
        net = self.exchange.net(order.account, order.symbol)
        return min(order.free, max(0, -order.sign * net))

    def step(
        self,
        order: RestingOrder,
        event: str,
        state: State,
        reason: str = "",
        command: Ref | None = None,
        **changes: Any,
    ) -> RestingOrder:
        """Write one event of an order's life and keep its new state, or forget the order when it has ended.

        command: what asked for it, None = the order's own command.
        """
        lifecycle.check(order.state, event, state)
        moved = msgspec.structs.replace(order, state=state, rev=order.rev + 1, **changes)
        return self._write(moved, event, reason, command or order.command_ref)

    def begin(self, order: RestingOrder) -> RestingOrder:
        """Write the first event of an order that waits for its parent."""
        lifecycle.check("", order.state, order.state)
        born = msgspec.structs.replace(order, rev=1)
        return self._write(born, order.state, "", order.command_ref)

    def update(self, order: RestingOrder, **changes: Any) -> RestingOrder:
        """Keep what has changed of an order where it is no event of its life."""
        changed = msgspec.structs.replace(order, **changes)
        if changed != order:
            self.exchange.orders.put(order.order_id, changed)
        return changed

    def _write(self, moved: RestingOrder, event: str, reason: str, command: Ref) -> RestingOrder:
        record = records.event(
            moved, event, reason, self.time, self.cause, command, self.instrument
        )
        self.outputs.append(Output(topics.EVENTS, moved.account, record))
        if moved.state not in TERMINAL:
            self.exchange.orders.put(moved.order_id, moved)
            return moved
        if moved.order_id in self.exchange.orders:
            self.exchange.orders.delete(moved.order_id)
        self.ended.append(moved.order_id)
        return moved

    def fill(self, order: RestingOrder, deal: Deal) -> RestingOrder:
        """Book one execution: the fill, the position, the order's event."""
        qty = deal.qty
        if not 0 < qty <= order.free:
            raise BrokenInvariant(f"{order.order_id}: fill of {qty} with {order.free} open")
        if order.worst and order.sign * (deal.price - order.worst) > 0:
            raise BrokenInvariant(f"{order.order_id}: fill at {deal.price} beyond {order.worst}")
        version = self.exchange.versions.get(order.symbol)
        record = records.fill(
            order,
            deal,
            self.time,
            self.cause,
            self.instrument,
            self.quote,
            -1 if version is None else version.control_offset,
        )
        self.outputs.append(Output(topics.FILLS, order.account, record))
        if order.strategy:
            self.outputs.append(Output(topics.STRATEGY_FILLS, order.symbol, record))
        self._position(order, qty)
        filled = order.filled + qty
        state: State = "FILLED" if filled == order.qty else "PARTIALLY_FILLED"
        return self.step(order, state, state, filled=filled, legs=order.legs + 1)

    def _position(self, order: RestingOrder, qty: int) -> None:
        key = holding_key(order.account, order.symbol)
        holding = self.exchange.holdings.get(key) or Holding()
        net = holding.net + order.sign * qty
        self.exchange.hold(order.account, order.symbol, Holding(net, holding.brackets))


def _used(depth: Depth | None, before: Depth | None) -> Depth | None:
    if depth is None:
        return before
    return depth if depth.used else None
