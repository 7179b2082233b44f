"""P8: what a tick costs when much waits, and when there are many symbols; one cell of the engine folds by itself.

CPU time of the fold with its changelog records, without Kafka, whose cost does not grow with either.
"""

import gc
import time
from collections.abc import Callable, Sequence
from typing import Any

from agents import broker, routes
from agents.cells import SymbolTables
from agents.fold import Cell
from agents.handler import Event, LogRecord
from streams import codec, control, topics
from streams.ids import Ref
from streams.messages import Accepted, CancelAccepted, Quote, ToBroker
from tables.exchange import Standing
from tables.resting import RestingOrder
from tests.bench import reference
from tests.bench.context import Context
from tests.bench.market import DENSE_STEP, START, symbols, ticks
from tests.bench.row import Line, Row

FEW, MANY = 10, 100_000
SYMBOLS_FEW, SYMBOLS_MANY = 50, 50_000
SMOKE_PART = 100
CHUNK = 5_000
EVENTS_MAX = 200_000
ORDERS = 2_000
ORDERED = 10
"""Symbols on which orders rest, whatever their number."""

MIDDLE = 5_000
MS, US, NS = 1_000_000, 1e6, 1e9
GOAL = "<= 1.3 x slower"


def run(context: Context) -> Row:
    """Measures every line once a round, each on a cell of its own."""
    part = SMOKE_PART if context.smoke else 1
    events = min(context.events, EVENTS_MAX)
    lines = [
        Line(f"{FEW} resting orders", "events/s"),
        Line(f"{MANY // part:,} resting orders", "events/s", goal=GOAL),
        Line("order taken in and cancelled, few resting", "µs"),
        Line("order taken in and cancelled, many resting", "µs"),
        Line(f"{SYMBOLS_FEW} symbols", "events/s"),
        Line(f"{SYMBOLS_MANY // part:,} symbols", "events/s", goal=GOAL),
        Line(f"the exchange's part of a tick, {SYMBOLS_FEW} symbols", "ns"),
        Line(f"the exchange's part of a tick, {SYMBOLS_MANY // part:,} symbols", "ns"),
        Line("tick compared with the bounds", "ns"),
        Line("tick read to find a chunk's bounds", "ns"),
    ]
    for line, other in zip(lines[1::2], lines[::2], strict=True):
        line.yardstick = other.name
    measures: list[Callable[[], float]] = [
        lambda: _rate(FEW, SYMBOLS_FEW, events),
        lambda: _rate(MANY // part, SYMBOLS_FEW, events),
        lambda: _order_us(FEW),
        lambda: _order_us(MANY // part),
        lambda: _rate(FEW, SYMBOLS_FEW, events),
        lambda: _rate(FEW, SYMBOLS_MANY // part, events),
        lambda: _compare_ns(SYMBOLS_FEW, events),
        lambda: _compare_ns(SYMBOLS_MANY // part, events),
        lambda: _compare_ns(SYMBOLS_FEW, events),
        lambda: _scan_ns(events),
    ]
    for turn in range(context.rounds):
        context.say(f"P8: round {turn + 1} of {context.rounds}")
        for line, measure in zip(lines, measures, strict=True):
            line.values.append(measure())
    notes = [
        "ticks are spread evenly: with many symbols nearly every tick is its symbol's only one in a chunk, "
        "for which the state is copied once, and logged once"
    ]
    title = "growth: resting orders and symbols, CPU time of the fold alone"
    return Row("P8", "growth", title, lines, notes=notes)


def _rate(resting: int, keys: int, events: int) -> float:
    """Quotes a second of CPU time, after one chunk that warms up."""
    cell = _cell(keys, resting)
    step = DENSE_STEP * SYMBOLS_FEW // keys or 1  # as many ticks a second of each symbol
    chunks = _chunks(list(ticks(events + CHUNK, keys, 1, step)))
    _fold(cell, chunks[0])
    gc.collect()
    before = time.process_time()
    for chunk in chunks[1:]:
        _fold(cell, chunk)
    return sum(len(chunk) for chunk in chunks[1:]) / (time.process_time() - before)


def _fold(cell: Cell, records: Sequence[LogRecord]) -> None:
    chunk = cell.apply([(topics.QUOTES.name, records)])
    cell.seal(chunk)
    cell.publish()


def _chunks(quotes: Sequence[object]) -> list[list[LogRecord]]:
    records = [
        LogRecord(offset, quote.time // MS, quote.symbol.encode(), codec.encode(quote))
        for offset, quote in enumerate(quotes)
        if isinstance(quote, Quote)
    ]
    return [records[start : start + CHUNK] for start in range(0, len(records), CHUNK)]


def _cell(keys: int, resting: int) -> Cell:
    """A cell with `keys` instruments and `resting` limits and stops far from their markets, each at its own price."""
    group = routes.routes(1)[0]
    cell = Cell(group, 0, 1)
    names = symbols(keys)
    known = [reference.instrument(name) for name in names]
    records = [
        LogRecord(offset, 0, control.key(record).encode(), control.encode(record))
        for offset, record in enumerate(known)
    ]
    cell.seal(cell.apply([(topics.CONTROL.name, records)]))
    cell.publish()
    orders = [
        _resting(offset, names[offset % ORDERED], offset // ORDERED) for offset in range(resting)
    ]
    if orders:
        cell.seal(cell.apply([(topics.ACCEPTED.name, orders)]))
        cell.publish()
    for chunk in _chunks(
        [_quote(name, START) for name in names]
    ):  # the first mark of each is not counted
        _fold(cell, chunk)
    return cell


def _resting(offset: int, symbol: str, level: int) -> LogRecord:
    """A limit or a stop on one side of the market; above it each level is another price."""
    kind, side = reference.RESTING[level % len(reference.RESTING)]
    below = (side == "buy") == (kind == "limit")
    price = 1 + level % reference.LOW if below else reference.HIGH + level
    is_stop = kind == "stop"
    order = Accepted(
        order_id=f"1-0-{offset}",
        client_order_id=f"c{offset}",
        account=f"a{offset % 100}",
        symbol=symbol,
        side=side,
        type="stop" if is_stop else "limit",
        tif="GTC",
        qty=1,
        price=0 if is_stop else price,
        stop_price=price if is_stop else 0,
        stop_loss=0,
        take_profit=0,
        protection=0,
        reduce_only=False,
        maker_rate=0,
        taker_rate=0,
        reserved="0",
        command_ref=Ref("orders", 0, offset),
        time=START - 2 * MS,
    )
    return _command(offset, symbol, ToBroker(order=order))


def _command(offset: int, symbol: str, command: ToBroker) -> LogRecord:
    return LogRecord(offset, START // MS - 2, symbol.encode(), codec.encode(command))


def _order_us(resting: int) -> float:
    """CPU time of an order that is taken in, comes to rest at a quote, and is cancelled by the kill switch."""
    cell, name, count = _cell(SYMBOLS_FEW, resting), symbols(1)[0], ORDERS
    offsets = range(resting, resting + count)
    orders = [_resting(offset, name, offset) for offset in offsets]
    kills = [
        _command(
            offset + count,
            name,
            ToBroker(
                cancel=CancelAccepted(
                    f"1-0-{offset}", "a", name, Ref("orders", 0, offset), "KILLED", START
                )
            ),
        )
        for offset in offsets
    ]
    quote = _chunks([_quote(name, START)])[0]
    runs = [(topics.ACCEPTED.name, orders), (topics.QUOTES.name, quote)]
    gc.collect()
    before = time.process_time()
    cell.seal(cell.apply([*runs, (topics.ACCEPTED.name, kills)]))
    cell.publish()
    return (time.process_time() - before) / count * US


def _quote(symbol: str, moment: int) -> Quote:
    return Quote(symbol, MIDDLE, MIDDLE + 1, 9, 9, moment, moment, 0, "bench")


def _ticks(keys: int, events: int) -> list[Quote]:
    return [tick for tick in ticks(events, keys, seed=2) if isinstance(tick, Quote)]


def _compare_ns(keys: int, events: int) -> float:
    """CPU time of the exchange's look at a tick that reaches nothing, with the call; an order rests on every symbol."""
    tables, quotes = SymbolTables(0), _ticks(keys, events)
    for offset, name in enumerate(symbols(keys)):
        tables.exchange.orders.put(name, _waiting(offset, name))
        tables.exchange.standing.put(name, Standing(_quote(name, START), START))
    event: Event[Quote] = Event()
    event.topic, event.partition, event.clock_ns = topics.QUOTES.name, 0, 0
    event.record = LogRecord(0, 0)
    gc.collect()
    before = time.process_time()
    for quote in quotes:
        event.message = quote
        broker.on_quote(event, tables)
    return (time.process_time() - before) / len(quotes) * NS


def _waiting(offset: int, symbol: str) -> RestingOrder:
    return RestingOrder(
        order_id=symbol,
        client_order_id="c",
        account="a",
        symbol=symbol,
        side="buy",
        type="limit",
        tif="GTC",
        qty=1,
        state="WORKING",
        active_at=START,
        accepted_ref=Ref(topics.ACCEPTED.name, 0, offset),
        command_ref=Ref(topics.ORDERS.name, 0, offset),
        maker_rate=0,
        taker_rate=0,
        price=1,
    )


def _scan_ns(events: int) -> float:
    """CPU time of finding each symbol's lowest and highest prices and last quote, chunk by chunk."""
    quotes = _ticks(SYMBOLS_FEW, events)
    gc.collect()
    before = time.process_time()
    for start in range(0, len(quotes), CHUNK):
        _scan(quotes[start : start + CHUNK])
    return (time.process_time() - before) / len(quotes) * NS


def _scan(quotes: Sequence[Quote]) -> dict[str, list[Any]]:
    """Lowest and highest bid and ask of each symbol, its last quote, and whether its times never fall."""
    spans: dict[str, list[Any]] = {}
    for quote in quotes:
        bid, ask, moment = quote.bid, quote.ask, quote.time
        span = spans.get(quote.symbol)
        if span is None:
            spans[quote.symbol] = [bid, bid, ask, ask, moment, quote, True]
            continue
        if bid < span[0]:
            span[0] = bid
        elif bid > span[1]:
            span[1] = bid
        if ask < span[2]:
            span[2] = ask
        elif ask > span[3]:
            span[3] = ask
        if moment < span[4]:
            span[6] = False
        span[4], span[5] = moment, quote
    return spans
