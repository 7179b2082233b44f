"""What a backfill is asked for, and the chunks it is cut into."""

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from streams.bars import INTERVALS, interval_ns
from streams.feeds.reference import SHIPPED
from streams.instants import SECOND
from streams.instruments import SYMBOL

Source = Literal["coingecko", "kraken"]
DAY = 86_400 * SECOND
BARS_SERVED = 720
"""Kraken tells the newest bars only, one of them unfinished."""

CHUNK = {"coingecko": 90 * DAY, "kraken": DAY}
"""Of CoinGecko longer ranges come in daily points; a day of Kraken's trades is some hundred pages."""


class Refused(ValueError):
    """An order that no run can carry out, as a sentence."""


@dataclass(frozen=True)
class Order:
    """Bars of `symbol` that open in [since, until), in ns, both on a whole interval."""

    source: Source
    symbol: str
    interval: str
    since: int
    until: int

    @property
    def key(self) -> str:
        """One run of these at a time."""
        return f"{self.source} {self.symbol} {self.interval}"

    @property
    def base(self) -> str:
        return self.symbol.partition("/")[0]

    @property
    def quote(self) -> str:
        return self.symbol.partition("/")[2].partition(".")[0]

    @property
    def span(self) -> int:
        """The length of a bar in ns."""
        return interval_ns(self.interval)

    @property
    def tick(self) -> str:
        """The venue's, "" where bars are of no venue or it is not known."""
        shipped = SHIPPED.get(self.symbol)
        return shipped.tick if shipped and self.source == "kraken" else ""


@dataclass(frozen=True)
class Chunk:
    """One step of a run: bars that open in [since, until)."""

    number: int
    since: int
    until: int


def order(source: Source, symbol: str, interval: str, since: int, until: int, now: int) -> Order:
    """The order, cut to bars that have closed by `now`; times in ns. Raises Refused."""
    if interval not in INTERVALS:
        raise Refused(f"no interval {interval}; there are {', '.join(INTERVALS)}")
    if not SYMBOL.fullmatch(symbol) or not re.fullmatch(r"[^/]+/[^/]+\.[^/]+", symbol):
        raise Refused(f"{symbol} is no symbol such as BTC/USD.KRAKEN")
    if source == "coingecko" and interval != "1d":
        raise Refused(
            f"too_coarse: CoinGecko tells hourly points; 24 of them make a bar of 1d, none of {interval}"
        )
    span = interval_ns(interval)
    first, last = -(-since // span) * span, min(until, now) // span * span
    if first >= last:
        raise Refused("the range holds no bar that has closed")
    return Order(source, symbol, interval, first, last)


def chunks(order: Order, now: int) -> list[Chunk]:
    """The steps of an order, in order of time; what Kraken still tells as bars is one of them."""
    length = max(CHUNK[order.source], order.span)
    told = told_since(order.span, now) if order.source == "kraken" else order.until
    boundary = max(order.since, min(told, order.until))
    cuts = [*range(order.since, boundary, length), boundary]
    if boundary < order.until:
        cuts.append(order.until)
    return [Chunk(number, *cut) for number, cut in enumerate(pairwise(cuts))]


def told_since(span: int, now: int) -> int:
    """The opening time of the oldest bar that Kraken tells at `now`; its last one has not closed."""
    return now // span * span - (BARS_SERVED - 1) * span
