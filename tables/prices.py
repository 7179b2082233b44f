"""The price of each symbol as its quotes and trades say it: what the marks are made from."""

from dataclasses import dataclass
from typing import Literal

from streams.ids import Ref
from streams.messages import Mark, Quote
from tables import breakers
from tables.breakers import Breakers

MARK_NS = 100_000_000
"""Marks are conflated to one in each such interval of event time, but for a change of status."""

Status = Literal["live", "stale", "crossed", "one_sided"]


@dataclass(slots=True)
class Price:
    """bid, ask, last: ticks, sizes: lots, 0 = none. due: event time (ns) from which the next mark may be written."""

    bid: int = 0
    ask: int = 0
    bid_size: int = 0
    ask_size: int = 0
    last: int = 0
    status: Status = "one_sided"
    due: int = 0


def on_quote(price: Price, quote: Quote) -> bool:
    """Take a quote of any kind; True when it changed the status. A `stale` one leaves the book as it was."""
    if quote.flags == "stale":
        status: Status = "stale"
    else:
        price.bid, price.ask = quote.bid, quote.ask
        price.bid_size, price.ask_size = quote.bid_size, quote.ask_size
        status = _status(quote.bid, quote.ask)
    changed = status != price.status
    price.status = status
    return changed


def _status(bid: int, ask: int) -> Status:
    if not bid or not ask:
        return "one_sided"
    return "live" if bid <= ask else "crossed"


def mid2(price: Price) -> int:
    """The mark in half ticks: the mid of a valid book, else the last trade; 0 when there is neither."""
    if 0 < price.bid <= price.ask:
        return price.bid + price.ask
    return 2 * price.last


def mark(
    price: Price,
    watched: Breakers,
    symbol: str,
    time: int,
    received: int,
    source: str,
    cause: Ref,
) -> Mark:
    """The mark to publish now; the next is due in the next interval."""
    mid = mid2(price)
    price.due = (time // MARK_NS + 1) * MARK_NS
    return Mark(
        symbol=symbol,
        bid=price.bid,
        ask=price.ask,
        bid_size=price.bid_size,
        ask_size=price.ask_size,
        last=price.last,
        mid2=mid,
        status=price.status,
        time=time,
        received=received,
        source=source,
        cause=cause,
        breaker=breakers.on_mark(watched, price.status, mid, time),
    )
