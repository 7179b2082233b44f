"""The exchange's work on one record: it books fills, moves orders through their life, and collects what goes out."""

from typing import Any

import msgspec

from agents.handler import Output
from streams import ids, money, topics
from streams.ids import Ref
from streams.instruments import Instrument
from streams.messages import TERMINAL, Fill, OrderEvent, Quote, Side, State
from tables import costs, lifecycle, matching
from tables.book import RestingOrder
from tables.exchange import Consumed, Exchange, Holding, holding_key
from tables.lifecycle import BrokenInvariant
from tables.matching import Depth


class Execution:
    """One record's work on one symbol.

    quote: the standing book, None when there is none to rely on. bid, ask: what takers may use, None outside a usable
    quote. time: the record's event time in ns. armed: exits that came alive in this record. touched: brackets to check.
    """

    def __init__(
        self, cause: Ref, time: int, exchange: Exchange, instrument: Instrument, quote: Quote | None
    ) -> None:
        self.cause = cause
        self.time = time
        self.exchange = exchange
        self.instrument = instrument
        self.quote = quote
        self.bid: Depth | None = None
        self.ask: Depth | None = None
        self.outputs: list[Output] = []
        self.armed: list[str] = []
        self.touched: set[str] = set()

    def depth(self, side: Side) -> Depth | None:
        """The side of the book that an order of `side` takes from."""
        return self.ask if side == "buy" else self.bid

    def use(self, side: Side, qty: int, block: int = 0) -> None:
        """Note that an order of `side` has used displayed or walked size."""
        depth = self.depth(side)
        assert depth is not None
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
        after = Consumed(_used(self.bid, before.bid), _used(self.ask, before.ask))
        if after == before:
            return
        if after == Consumed():
            self.exchange.consumed.delete(symbol)
        else:
            self.exchange.consumed.put(symbol, after)

    def reducible(self, order: RestingOrder) -> int:
        """Lots that may fill now: what remains, for a reduce-only order at most the position it reduces."""
        if not order.reduce_only:
            return order.remaining
        net = self.exchange.net(order.account, order.symbol)
        return min(order.remaining, max(0, -order.sign * net))

    def step(
        self, order: RestingOrder, event: str, state: State, reason: str = "", **changes: Any
    ) -> RestingOrder:
        """Write one event of an order's life and keep its new state, or forget the order when it has ended."""
        lifecycle.check(order.state, event, state)
        return self._write(
            msgspec.structs.replace(order, state=state, rev=order.rev + 1, **changes), event, reason
        )

    def begin(self, order: RestingOrder) -> None:
        """Write the first event of an order that the exchange itself creates."""
        lifecycle.check("", order.state, order.state)
        self._write(msgspec.structs.replace(order, rev=1), order.state, "")

    def _write(self, moved: RestingOrder, event: str, reason: str) -> RestingOrder:
        self.outputs.append(Output(topics.EVENTS, moved.account, self._event(moved, event, reason)))
        if moved.state not in TERMINAL:
            self.exchange.orders.put(moved.order_id, moved)
        elif moved.order_id in self.exchange.orders:
            self.exchange.orders.delete(moved.order_id)
        return moved

    def fill(
        self, order: RestingOrder, qty: int, price: int, maker: bool, rule: str
    ) -> RestingOrder:
        """Book one execution: the fill, the position, the order's event."""
        limit = order.price if order.type == "limit" else order.protection
        if not 0 < qty <= order.remaining:
            raise BrokenInvariant(f"{order.order_id}: fill of {qty} with {order.remaining} open")
        if limit and order.sign * (price - limit) > 0:
            raise BrokenInvariant(f"{order.order_id}: fill at {price} beyond {limit}")
        fill = self._fill(order, qty, price, maker, rule)
        self.outputs.append(Output(topics.FILLS, order.account, fill))
        if order.strategy:
            self.outputs.append(Output(topics.STRATEGY_FILLS, order.symbol, fill))
        self._position(order, qty)
        filled = order.filled + qty
        state: State = "FILLED" if filled == order.qty else "PARTIALLY_FILLED"
        return self.step(order, state, state, filled=filled, legs=order.legs + 1)

    def _position(self, order: RestingOrder, qty: int) -> None:
        key = holding_key(order.account, order.symbol)
        holding = self.exchange.holdings.get(key) or Holding()
        net = holding.net + order.sign * qty
        self.exchange.hold(order.account, order.symbol, Holding(net, holding.brackets))

    def _event(self, order: RestingOrder, event: str, reason: str) -> OrderEvent:
        instrument = self.instrument
        return OrderEvent(
            event_id=f"{order.order_id}:{order.rev}",
            order_id=order.order_id,
            client_order_id=order.client_order_id,
            account=order.account,
            symbol=order.symbol,
            rev=order.rev,
            type=event,
            state=order.state,
            qty=instrument.qty_text(order.qty),
            filled=instrument.qty_text(order.filled),
            remaining=instrument.qty_text(order.remaining),
            time=self.time,
            cause=self.cause,
            side=order.side,
            price=instrument.price_text(order.price) if order.price else "",
            stop_price=instrument.price_text(order.stop_price) if order.stop_price else "",
            parent_id=order.parent_id,
            reason=reason,
        )

    def _fill(self, order: RestingOrder, qty: int, price: int, maker: bool, rule: str) -> Fill:
        notional = self.instrument.notional(price, qty)
        rate = order.maker_rate if maker else order.taker_rate
        return Fill(
            # The leg counts through the order's life: a quote and a trade may share partition and offset.
            fill_id=ids.fill_id(order.order_id, self.cause, order.legs),
            order_id=order.order_id,
            client_order_id=order.client_order_id,
            account=order.account,
            symbol=order.symbol,
            side=order.side,
            qty=self.instrument.qty_text(qty),
            price=self.instrument.price_text(price),
            notional=money.text(notional),
            fee=money.text(costs.fee(notional, rate)),
            fee_rate=rate,
            liquidity="maker" if maker else "taker",
            rule=rule,
            cause=self.cause,
            order_ref=order.order_ref,
            time=self.time,
            active_at=order.active_at,
            bid=self.quote.bid if self.quote is not None else 0,
            ask=self.quote.ask if self.quote is not None else 0,
            parent_id=order.parent_id,
            strategy=order.strategy,
        )


def _used(depth: Depth | None, before: Depth | None) -> Depth | None:
    if depth is None:
        return before
    return depth if depth.used else None
