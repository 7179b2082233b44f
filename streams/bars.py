"""The bar builder: what each span of event time held, made of trades; pure, exact, and without a bar where none was."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import groupby

import msgspec

from streams.instants import SECOND

INTERVALS = {"1m": 60, "5m": 300, "15m": 900, "30m": 1800, "1h": 3600, "4h": 14_400, "1d": 86_400}
"""Seconds of each interval that bars are kept in."""


class Traded(msgspec.Struct, frozen=True):
    """One trade. number: the venue's, in the order of trading; time: ns."""

    number: int
    time: int
    price: Decimal
    size: Decimal


class Candle(msgspec.Struct, frozen=True):
    """A bar as a source tells it, before it is known to be right: what it left out is None.

    interval: a name of INTERVALS; ts: the first ns of the bar.
    """

    symbol: str
    interval: str
    ts: int
    open: Decimal | None
    high: Decimal | None
    low: Decimal | None
    close: Decimal | None
    volume: Decimal | None
    source: str


def interval_ns(interval: str) -> int:
    """The length of a bar."""
    return INTERVALS[interval] * SECOND


def built(trades: Iterable[Traded], symbol: str, interval: str, source: str) -> Iterator[Candle]:
    """The bars of trades that come in order. A span without trades has none: a missing bar is a gap, never filled."""
    span = interval_ns(interval)
    for start, inside in groupby(trades, lambda trade: trade.time // span * span):
        held = list(inside)
        prices = [trade.price for trade in held]
        yield Candle(
            symbol=symbol,
            interval=interval,
            ts=start,
            open=prices[0],
            high=max(prices),
            low=min(prices),
            close=prices[-1],
            volume=sum((trade.size for trade in held), Decimal(0)),
            source=source,
        )
