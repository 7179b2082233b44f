"""Input records of the demo group, made by hand."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, islice

from streams import codec
from streams.ids import Ref
from streams.messages import CancelAccepted, Quote, ToBroker

SYMBOLS = tuple(f"S{number}.X" for number in range(16))
BASE_MS = 1_700_000_000_000


@dataclass
class Record:
    """A record as the log gives it."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()


def quote_bytes(number: int, *, symbol: str | None = None, bid: int = 100) -> bytes:
    """The `number`-th quote; every tenth gives an output."""
    quote = Quote(
        symbol=symbol or SYMBOLS[number % len(SYMBOLS)],
        bid=bid,
        ask=bid + 1,
        bid_size=number % 97 + 1,
        ask_size=1,
        time=number,
        received=number,
        sequence=number,
        source="test",
    )
    return codec.encode(quote)


def quote(offset: int, *, symbol: str = "S0.X", bid: int = 100) -> Record:
    """A quote at an offset."""
    value = quote_bytes(offset, symbol=symbol, bid=bid)
    return Record(offset, BASE_MS + offset, symbol.encode(), value)


def accepted_bytes(number: int, *, symbol: str | None = None, reason: str = "CLIENT") -> bytes:
    """The `number`-th accepted cancel; each gives two outputs."""
    symbol = symbol or SYMBOLS[number % len(SYMBOLS)]
    cancel = CancelAccepted(f"1-0-{number}", "a", symbol, Ref("orders", 0, number), reason, number)
    return codec.encode(ToBroker(cancel=cancel))


def accepted(offset: int, *, symbol: str = "S0.X", reason: str = "CLIENT") -> Record:
    """An accepted cancel at an offset."""
    value = accepted_bytes(offset, symbol=symbol, reason=reason)
    return Record(offset, BASE_MS + offset, symbol.encode(), value)


Put = tuple[str, str, bytes | None, int | None]


def put_quotes(first: int, end: int) -> list[Put]:
    """These quotes, for a cluster: topic, key, value, time."""
    return list(islice(endless_quotes(first), end - first))


def endless_quotes(first: int = 0) -> Iterator[Put]:
    """Quotes from this one on."""
    for n in count(first):
        yield "market.quotes", SYMBOLS[n % len(SYMBOLS)], quote_bytes(n), BASE_MS + n


def put_accepted(first: int, end: int) -> list[Put]:
    """These accepted cancels, for a cluster."""
    return [
        ("orders.accepted", SYMBOLS[n % len(SYMBOLS)], accepted_bytes(n), BASE_MS + n)
        for n in range(first, end)
    ]
