"""Quotes and trades in, marks and feature vectors out; every tick passes here, so the common case runs straight on."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from agents.handler import Event, Output
from agents.market_state import SymbolState
from models import features, micro
from models.micro import Micro
from streams import topics
from streams.codec import Undecodable
from streams.ids import Ref
from streams.instruments import Instrument
from streams.messages import Quote, Trade
from streams.predictions import Features
from streams.state import Table
from tables import breakers, prices
from tables.breakers import SUSPECT_FACTOR
from tables.prices import Price

Tick = TypeVar("Tick", Quote, Trade)
NOTHING: tuple[Output, ...] = ()
UNTRUSTED = frozenset({"late", "suspect"})
"""Flags of prices that make no mark and no vector."""


class MarketTables(Protocol):
    """What this handler needs of its cell. instruments: read only."""

    market: Table[SymbolState]
    instruments: Table[Instrument]


def on_quote(event: Event[Quote], tables: MarketTables) -> tuple[Output, ...]:
    """Apply one quote.

    Raises Undecodable: UNKNOWN_SYMBOL, PRICE_NOT_POSITIVE or SIZE_NOT_POSITIVE, before anything is changed.
    """
    quote = event.message
    symbol, market = quote.symbol, tables.market
    state = market.get(symbol)
    if state is None or symbol not in market.changed:
        state = _open(tables, quote, _check_quote)
    time, bid, ask = quote.time, quote.bid, quote.ask
    bid_size, ask_size = quote.bid_size, quote.ask_size
    sums = state.micro
    if not (
        0 <= ask - bid < state.narrow
        and bid > 0
        and bid_size > 0
        and ask_size > 0
        and time >= sums.clock
        and not quote.flags
    ):
        return _on_unusual_quote(event, tables, state)
    price = state.price
    price.bid = bid
    price.ask = ask
    price.bid_size = bid_size
    price.ask_size = ask_size
    micro.on_quote(sums, time, bid, ask, bid_size, ask_size)
    state.quote_offset = event.record.offset
    if time < state.quiet_until:
        return NOTHING
    return _outputs(event, tables, state, time, status_changed=False, applied=True)


def on_trade(event: Event[Trade], tables: MarketTables) -> tuple[Output, ...]:
    """Apply one trade; raises Undecodable as `on_quote` does."""
    trade = event.message
    symbol, market = trade.symbol, tables.market
    state = market.get(symbol)
    if state is None or symbol not in market.changed:
        state = _open(tables, trade, _check_trade)
    if trade.price <= 0 or trade.size <= 0:
        _check_trade(trade)
    if trade.flags:
        return NOTHING
    time = micro.admit(state.micro, trade.time)
    if not time:
        return NOTHING
    micro.on_trade(state.micro, time, trade.price, trade.size, trade.side)
    state.price.last = trade.price
    state.trade_offset = event.record.offset
    if time < state.quiet_until:
        return NOTHING
    return _outputs(event, tables, state, time, status_changed=False, applied=True)


def _open(tables: MarketTables, tick: Tick, check: Callable[[Tick], None]) -> SymbolState:
    """This chunk's copy of the symbol's state, made new for a known instrument."""
    state = tables.market.edit(tick.symbol)
    if state is None:
        instrument = tables.instruments.get(tick.symbol)
        if instrument is None:
            raise Undecodable("UNKNOWN_SYMBOL", f"no instrument {tick.symbol[:50]!r}")
        check(tick)
        state = SymbolState(Price(), Micro())
        _plan(state, instrument)
        tables.market.put(tick.symbol, state)
    return state


def _check_quote(quote: Quote) -> None:
    """A price of 0 says that its side is absent, which then has no size."""
    bid, ask, bid_size, ask_size = quote.bid, quote.ask, quote.bid_size, quote.ask_size
    if bid_size < 0 or ask_size < 0:
        raise Undecodable("SIZE_NOT_POSITIVE", f"sizes {bid_size}, {ask_size}")
    if bid < 0 or ask < 0 or (bid_size and not bid) or (ask_size and not ask):
        raise Undecodable("PRICE_NOT_POSITIVE", f"bid {bid}, ask {ask}")


def _check_trade(trade: Trade) -> None:
    if trade.price <= 0:
        raise Undecodable("PRICE_NOT_POSITIVE", f"price {trade.price}")
    if trade.size <= 0:
        raise Undecodable("SIZE_NOT_POSITIVE", f"size {trade.size}")


def _on_unusual_quote(
    event: Event[Quote], tables: MarketTables, state: SymbolState
) -> tuple[Output, ...]:
    """A quote that is not two-sided, narrow, in time and new, or that follows one which was not."""
    quote, sums = event.message, state.micro
    _check_quote(quote)
    if quote.flags in UNTRUSTED:
        return NOTHING
    time = micro.admit(sums, quote.time)
    if not time:
        return NOTHING
    changed = prices.on_quote(state.price, quote)
    if state.price.status == "live":
        changed |= breakers.on_quote(state.breakers, quote.bid, quote.ask, time)
    applied = False
    if quote.flags:
        micro.advance(sums, time)
    elif state.price.status == "crossed":
        micro.advance(sums, time)
        sums.crossed += 1
    elif quote.bid_size and quote.ask_size:
        micro.on_quote(sums, time, quote.bid, quote.ask, quote.bid_size, quote.ask_size)
        state.quote_offset = event.record.offset
        applied = True
    else:
        micro.on_no_book(sums, time)
    return _outputs(event, tables, state, time, status_changed=changed, applied=applied)


def _outputs(
    event: Event[Quote] | Event[Trade],
    tables: MarketTables,
    state: SymbolState,
    time: int,
    *,
    status_changed: bool,
    applied: bool,
) -> tuple[Output, ...]:
    """The mark and the vector that are due, and until when nothing will be."""
    sums, price, message = state.micro, state.price, event.message
    symbol = message.symbol
    usual = price.status == "live" and sums.bid > 0 and not state.breakers.counts_quotes
    state.quiet_until = sums.wake if usual else 0
    state.narrow = (price.bid + price.ask) // SUSPECT_FACTOR if usual else 0
    outputs = NOTHING
    if status_changed or time >= price.due:
        cause = Ref(event.topic, event.partition, event.record.offset)
        mark = prices.mark(
            price, state.breakers, symbol, time, message.received, message.source, cause
        )
        outputs = (Output(topics.MARKS, symbol, mark),)
    if applied and features.is_due(sums):
        vector = _features(symbol, state, event.partition)
        outputs = (*outputs, Output(topics.FEATURES, symbol, vector))
        _plan(state, tables.instruments[symbol])
    return outputs


def _plan(state: SymbolState, instrument: Instrument) -> None:
    """Note the size of VPIN's buckets that the instrument's record in force sets; asked with each vector."""
    vpin = state.micro.vpin
    is_new = instrument.vpin_bucket != vpin.bucket
    vpin.planned = instrument.vpin_bucket if is_new else 0
    vpin.planned_from = instrument.vpin_from


def _features(symbol: str, state: SymbolState, partition: int) -> Features:
    sums = state.micro
    ready, vector = features.vector(sums)
    low, high = sums.low, sums.high
    gap_ms = features.emitted(sums)
    trade = state.trade_offset
    return Features(
        symbol=symbol,
        time=sums.clock,
        sequence=sums.sequence,
        set=features.NAME,
        set_hash=features.SET_HASH,
        ready=ready,
        bid=sums.bid,
        ask=sums.ask,
        mid2=sums.bid + sums.ask,
        mid2_min=low,
        mid2_max=high,
        gap_ms=gap_ms,
        vector=vector,
        quote_ref=Ref(topics.QUOTES.name, partition, state.quote_offset),
        trade_ref=Ref(topics.TRADES.name, partition, trade) if trade >= 0 else None,
    )
