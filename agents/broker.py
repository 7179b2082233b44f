"""The simulated exchange of one symbol partition: accepted orders in, order events and fills out.

An order, and a cancel, takes effect at the first record of its symbol that is not older than its activation; an order
also needs a quote that shows its side of the book. A tick that reaches nothing returns at once.
"""

from collections.abc import Iterable
from typing import Protocol

import msgspec

from agents import matcher, protection
from agents.execution import Execution
from agents.handler import Event, Output
from streams import topics
from streams.instruments import Instrument
from streams.messages import (
    Accepted,
    CancelAccepted,
    OrderEvent,
    Quote,
    ToBroker,
    Trade,
)
from streams.state import Table
from tables import costs, matching
from tables.book import RestingOrder, SymbolBook
from tables.exchange import Exchange, Standing

CLOSED = frozenset({"halted", "delisted"})
"""Instrument statuses in which orders wait; cancels still take effect."""


class BrokerTables(Protocol):
    """What the broker reads and writes: reference data of another handler, and its own exchange."""

    @property
    def instruments(self) -> Table[Instrument]:
        """By symbol."""

    @property
    def exchange(self) -> Exchange:
        """Orders, brackets, positions and used sizes."""


def on_accepted(event: Event[ToBroker], tables: BrokerTables) -> Iterable[Output]:
    """Take in an order, or a cancel of one."""
    message = event.message
    if message.order is not None:
        return _accept(event, message.order, tables)
    if message.cancel is not None:
        return _cancel(event, message.cancel, tables)
    return ()


def on_quote(event: Event[Quote], tables: BrokerTables) -> Iterable[Output]:
    """Match a symbol's orders against its best bid and ask."""
    quote = event.message
    symbol = quote.symbol
    exchange = tables.exchange
    book = exchange.index.books.get(symbol)
    if book is None:
        return ()
    standing = exchange.standing.overlay.get(symbol) or exchange.standing.edit(symbol)
    time = quote.time
    if (
        standing is not None
        and book.sell_stop < quote.bid < book.sell_limit
        and book.buy_limit < quote.ask < book.buy_stop
        and standing.clock <= time < book.due
    ):
        standing.quote = quote
        standing.clock = time
        return ()
    return _work_quote(event, tables, book, standing)


def on_trade(event: Event[Trade], tables: BrokerTables) -> Iterable[Output]:
    """Match a symbol's resting limits against a public trade."""
    trade = event.message
    book = tables.exchange.index.books.get(trade.symbol)
    if book is None or (
        book.buy_limit <= trade.price <= book.sell_limit and trade.time < book.cancels_due
    ):
        return ()
    return _work_trade(event, tables, book)


def _work_quote(
    event: Event[Quote], tables: BrokerTables, book: SymbolBook, standing: Standing | None
) -> list[Output]:
    quote, exchange = event.message, tables.exchange
    late = standing is not None and quote.time < standing.clock
    if standing is None:
        exchange.standing.put(quote.symbol, Standing(quote, quote.time))
    elif not late or quote.sequence > standing.quote.sequence:
        standing.quote = quote
        standing.clock = max(standing.clock, quote.time)
    instrument = tables.instruments[quote.symbol]
    usable = not late and _is_usable(quote) and instrument.status not in CLOSED
    work = Execution(event.ref, quote.time, exchange, instrument, quote if usable else None)
    _cancel_due(work, book)
    if usable:
        work.show(quote)
        matcher.on_book(work, book)
        work.remember_used(quote.symbol)
    return _close(work, quote.symbol)


def _work_trade(event: Event[Trade], tables: BrokerTables, book: SymbolBook) -> list[Output]:
    trade, exchange = event.message, tables.exchange
    instrument = tables.instruments[trade.symbol]
    quote = _fresh_quote(exchange, instrument, trade)
    work = Execution(event.ref, trade.time, exchange, instrument, quote)
    _cancel_due(work, book)
    if quote is not None and instrument.status not in CLOSED:
        matcher.on_trade(work, book, trade)
    return _close(work, trade.symbol)


def _close(work: Execution, symbol: str) -> list[Output]:
    """Check what must hold, and forget the quote of a symbol on which nothing waits any more."""
    protection.check(work)
    exchange = work.exchange
    if symbol not in exchange.index.books and symbol in exchange.standing:
        exchange.standing.delete(symbol)
    return work.outputs


def _cancel_due(work: Execution, book: SymbolBook) -> None:
    for order_id in book.ladders["cancel"].reached(-work.time):
        order = work.exchange.orders.get(order_id)
        if order is not None:
            protection.cancel(work, order, order.cancel_reason)


def _is_usable(quote: Quote) -> bool:
    return quote.flags != "stale" and not matching.is_crossed(quote)


def _fresh_quote(exchange: Exchange, instrument: Instrument, trade: Trade) -> Quote | None:
    """The standing quote, unless it is unusable or older than the instrument's stale_ms at the trade."""
    standing = exchange.standing.get(trade.symbol)
    if standing is None or not _is_usable(standing.quote):
        return None
    age_ns = trade.time - standing.clock
    return standing.quote if age_ns <= instrument.stale_ms * costs.NS_PER_MS else None


def _accept(event: Event[ToBroker], accepted: Accepted, tables: BrokerTables) -> Iterable[Output]:
    instrument = tables.instruments.get(accepted.symbol)
    if instrument is None:
        return (_rejected(event, accepted, "UNKNOWN_SYMBOL"),)
    if accepted.take_profit and not accepted.stop_loss:
        return (_rejected(event, accepted, "BRACKET_INVALID"),)
    exchange = tables.exchange
    assert accepted.order_id not in exchange.orders, "an order is accepted once"
    arrived = max(event.clock_ns, accepted.time)
    order = _order(event, accepted, arrived + costs.latency_ns(instrument, event.ref, "order"))
    exchange.orders.put(order.order_id, order)
    work = Execution(event.ref, arrived, exchange, instrument, None)
    if order.stop_loss:
        protection.hold(work, order)
    return work.outputs


def _cancel(
    event: Event[ToBroker], cancel: CancelAccepted, tables: BrokerTables
) -> Iterable[Output]:
    """An unknown order has ended while the cancel was under way: its own last event is the answer."""
    exchange = tables.exchange
    order = exchange.orders.get(cancel.order_id)
    if order is None:
        return ()
    instrument = tables.instruments[order.symbol]
    arrived = max(event.clock_ns, cancel.time)
    work = Execution(event.ref, arrived, exchange, instrument, None)
    if order.is_protective:
        work.step(order, "CANCEL_REJECTED", order.state, "PROTECTION_REQUIRED")
    elif cancel.reason == "KILLED":
        protection.cancel(work, order, cancel.reason)
    elif not order.cancel_at:
        latency = costs.latency_ns(instrument, event.ref, "cancel")
        cancel_at = max(arrived + latency, order.active_at)
        exchange.orders.put(
            order.order_id,
            msgspec.structs.replace(order, cancel_at=cancel_at, cancel_reason=cancel.reason),
        )
    return _close(work, order.symbol)


def _order(event: Event[ToBroker], accepted: Accepted, active_at: int) -> RestingOrder:
    return RestingOrder(
        order_id=accepted.order_id,
        client_order_id=accepted.client_order_id,
        account=accepted.account,
        symbol=accepted.symbol,
        side=accepted.side,
        type=accepted.type,
        tif=accepted.tif,
        qty=accepted.qty,
        state="ACCEPTED",
        active_at=active_at,
        order_ref=event.ref,
        maker_rate=accepted.maker_rate,
        taker_rate=accepted.taker_rate,
        price=accepted.price,
        stop_price=accepted.stop_price,
        stop_loss=accepted.stop_loss,
        take_profit=accepted.take_profit,
        protection=accepted.protection,
        reduce_only=accepted.reduce_only,
        strategy=accepted.strategy,
    )


def _rejected(event: Event[ToBroker], accepted: Accepted, reason: str) -> Output:
    """The only event of an order that cannot be taken in; nothing of it has filled or will."""
    rejected = OrderEvent(
        event_id=f"{accepted.order_id}:1",
        order_id=accepted.order_id,
        client_order_id=accepted.client_order_id,
        account=accepted.account,
        symbol=accepted.symbol,
        rev=1,
        type="REJECTED",
        state="REJECTED",
        qty="0",
        filled="0",
        remaining="0",
        time=max(event.clock_ns, accepted.time),
        cause=event.ref,
        side=accepted.side,
        reason=reason,
    )
    return Output(topics.EVENTS, accepted.account, rejected)
