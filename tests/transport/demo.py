"""A small system for transport tests: sums of quotes and accepted orders per symbol, one output per input."""

from collections.abc import Iterable
from typing import Any

import msgspec

from agents.group import Group, Input
from agents.handler import Event, Output
from streams import topics
from streams.messages import CancelAccepted, Quote, ToBroker
from streams.predictions import Features
from streams.state import Table

FAILS, OVERSIZE, UNDECLARED = 13, 14, 15
"""Bids at which the handler of quotes misbehaves, after it has changed its table."""

EMPTIES = 99
"""A bid at which the handler of quotes deletes the symbol's row."""


class Sum(msgspec.Struct):
    """What has been added up of one symbol."""

    quotes: int = 0
    sizes: int = 0
    orders: int = 0


class DemoTables:
    """One table."""

    def __init__(self, partition: int = 0) -> None:
        self.sums = Table("sums", Sum)

    def all(self) -> tuple[Table[Any], ...]:
        return (self.sums,)


def on_quote(event: Event[Quote], tables: DemoTables) -> Iterable[Output]:
    quote = event.message
    total = tables.sums.edit(quote.symbol)
    if total is None:
        total = Sum()
        tables.sums.put(quote.symbol, total)
    total.quotes += 1
    total.sizes += quote.bid_size
    if quote.bid == EMPTIES:
        tables.sums.delete(quote.symbol)
    if quote.bid in (FAILS, OVERSIZE, UNDECLARED):
        return _misbehave(event, total)
    if quote.sequence % 10 == 0:
        return (_output(event, quote.symbol, total.quotes),)
    return ()


def on_accepted(event: Event[ToBroker], tables: DemoTables) -> Iterable[Output]:
    """Two outputs: the count, and the count again under the next number."""
    cancel = event.message.cancel
    assert isinstance(cancel, CancelAccepted)
    total = tables.sums.edit(cancel.symbol) or Sum()
    total.orders += 1
    tables.sums.put(cancel.symbol, total)
    yield _output(event, cancel.symbol, total.orders)
    if cancel.reason == "FAILS":
        raise ZeroDivisionError("a handler that fails on this reason")
    yield _output(event, cancel.symbol, total.orders + 1)


def _misbehave(event: Event[Quote], total: Sum) -> Iterable[Output]:
    yield _output(event, event.message.symbol, total.quotes)
    match event.message.bid:
        case 14:
            yield Output(topics.FEATURES, event.message.symbol, bytes(topics.MAX_MESSAGE_BYTES))
        case 15:
            yield Output(topics.FILLS, event.message.symbol, b"{}")
        case _:
            raise ZeroDivisionError("a handler that fails on thirteen")


def _output(event: Event[Any], symbol: str, count: int) -> Output:
    features = Features(
        symbol=symbol, time=event.clock_ns, sequence=count, set="demo", set_hash="", ready=0, bid=0, ask=0,
        mid2=0, gap_ms=0, vector=b"", quote_ref=event.ref,
    )  # fmt: skip
    return Output(topics.FEATURES, symbol, features)


DEMO = Group(
    name="demo",
    inputs=(
        Input(topics.QUOTES, (on_quote,), (topics.FEATURES,), on_error="dead_letter"),
        Input(topics.ACCEPTED, (on_accepted,), (topics.FEATURES,)),
    ),
    tables=DemoTables,
    changelog=topics.SYMBOL_STATE,
)
