"""The simulated exchange of one symbol partition: accepted orders in, order events and fills out.

An order, a cancel and a replace take effect at the first record of their symbol that is not older than their
activation; an order and a replace also need a quote or bar that shows their side of the book. A tick that reaches
nothing returns at once.
"""

from collections.abc import Iterable
from typing import Protocol

from agents import acceptance, bar_matcher, matcher, protection, trade_matcher, waiting
from agents.execution import Execution
from agents.handler import Event, Output
from streams import control
from streams.instruments import Instrument
from streams.messages import Bar, Quote, ToBroker, Trade
from streams.state import Table
from tables import costs, matching
from tables.book import SymbolBook
from tables.exchange import Exchange, Standing, Version

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


def on_control(event: Event[control.Read | None], tables: BrokerTables) -> Iterable[Output]:
    """Note which record of an instrument is in force, for its fills to name."""
    record = event.message
    if isinstance(record, control.InstrumentRecord):
        tables.exchange.versions.put(record.instrument.symbol, Version(event.offset))
    return ()


def on_accepted(event: Event[ToBroker], tables: BrokerTables) -> Iterable[Output]:
    """Take in an order, or a cancel or replace of one."""
    message, exchange, instruments = event.message, tables.exchange, tables.instruments
    if message.order is not None:
        return acceptance.accept(event, message.order, exchange, instruments)
    if message.cancel is not None:
        return acceptance.cancel(event, message.cancel, exchange, instruments)
    if message.replace is not None:
        return acceptance.replace(event, message.replace, exchange, instruments)
    return ()


def on_quote(event: Event[Quote], tables: BrokerTables) -> Iterable[Output]:
    """Match a symbol's orders against its best bid and ask."""
    quote = event.message
    symbol = quote.symbol
    exchange = tables.exchange
    book = exchange.index.books.get(symbol)
    if book is None:
        return ()
    standing = exchange.standing.edit(symbol)
    time = quote.time
    if (
        standing is not None
        and book.bid_low < quote.bid < book.bid_high
        and book.ask_low < quote.ask < book.ask_high
        and standing.clock <= time < book.due
    ):
        standing.quote = quote
        standing.clock = time
        return ()
    if standing is not None and book.is_quiet(quote, standing.clock):
        standing.quote = quote
        standing.clock = time
        return ()
    return _work_quote(event, tables, book, standing)


def on_trade(event: Event[Trade], tables: BrokerTables) -> Iterable[Output]:
    """Match a symbol's orders against a public trade."""
    trade = event.message
    book = tables.exchange.index.books.get(trade.symbol)
    if book is None or (
        book.trade_low < trade.price < book.trade_high and trade.time < book.trade_due
    ):
        return ()
    return _work_trade(event, tables, book)


def on_bar(event: Event[Bar], tables: BrokerTables) -> Iterable[Output]:
    """Match a symbol's orders against a bar in which no quote was seen; of two sources the finer one counts."""
    bar, exchange = event.message, tables.exchange
    book = exchange.index.books.get(bar.symbol)
    if book is None:
        return ()
    standing = exchange.standing.get(bar.symbol)
    covered = standing is not None and standing.clock > bar.start
    instrument = tables.instruments[bar.symbol]
    work = Execution(event.ref, bar.time, exchange, instrument)
    _end_due(work, book)
    if not covered:
        exchange.standing.put(bar.symbol, Standing(None, bar.time))
        if instrument.status not in CLOSED:
            bar_matcher.on_bar(work, book, bar)
    return _close(work, book)


def _work_quote(
    event: Event[Quote], tables: BrokerTables, book: SymbolBook, standing: Standing | None
) -> list[Output]:
    quote, exchange = event.message, tables.exchange
    late = standing is not None and quote.time < standing.clock
    _stand(exchange, quote, standing, late)
    instrument = tables.instruments[quote.symbol]
    quote = matching.sized(quote, instrument.assume_size)
    usable = not late and matching.is_usable(quote) and instrument.status not in CLOSED
    work = Execution(event.ref, quote.time, exchange, instrument, quote if usable else None)
    _end_due(work, book)
    if usable:
        work.show(quote)
        matcher.on_book(work, book, quote)
        work.remember_used(quote.symbol)
    return _close(work, book)


def _stand(exchange: Exchange, quote: Quote, standing: Standing | None, late: bool) -> None:
    """Let a quote stand, a late one only by a newer sequence number."""
    if standing is None:
        exchange.standing.put(quote.symbol, Standing(quote, quote.time))
    elif not late or (standing.quote is not None and quote.sequence > standing.quote.sequence):
        standing.quote = quote
        standing.clock = max(standing.clock, quote.time)


def _work_trade(event: Event[Trade], tables: BrokerTables, book: SymbolBook) -> list[Output]:
    trade, exchange = event.message, tables.exchange
    instrument = tables.instruments[trade.symbol]
    quote = _fresh_quote(exchange, instrument, trade)
    work = Execution(event.ref, trade.time, exchange, instrument, quote, trade.price)
    _end_due(work, book)
    if quote is not None and not trade.flags and instrument.status not in CLOSED:
        work.show(quote)
        trade_matcher.on_trade(work, book, trade)
        work.remember_taken(trade.symbol)
    return _close(work, book)


def _close(work: Execution, book: SymbolBook) -> list[Output]:
    waiting.tell(work, book, halted=work.instrument.status in CLOSED)
    return acceptance.close(work, work.instrument.symbol)


def _end_due(work: Execution, book: SymbolBook) -> None:
    """Expiries, then cancels, whose time has come."""
    for order_id in book.ladder("expiry").reached(-work.time):
        order = work.exchange.orders.get(order_id)
        if order is not None:
            protection.expire(work, order)
    for order_id in book.ladder("cancel").reached(-work.time):
        order = work.exchange.orders.get(order_id)
        if order is not None:
            protection.cancel(work, order, order.cancel_reason, order.cancel_ref)


def _fresh_quote(exchange: Exchange, instrument: Instrument, trade: Trade) -> Quote | None:
    """The standing quote, unless it is unusable or older than the instrument's stale_ms at the trade."""
    standing = exchange.standing.get(trade.symbol)
    if standing is None or standing.quote is None or not matching.is_usable(standing.quote):
        return None
    age_ns = trade.time - standing.clock
    if age_ns > instrument.stale_ms * costs.NS_PER_MS:
        return None
    return matching.sized(standing.quote, instrument.assume_size)
