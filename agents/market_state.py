"""What the symbol cell keeps of each market: its price, what its features are made from, its breakers."""

import copy
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Protocol

import msgspec

from agents.group import Counts
from models.micro import Micro
from streams.state import VERSION, Table
from tables.breakers import Breakers
from tables.prices import Price


@dataclass(slots=True)
class SymbolState:
    """What the market is for one symbol.

    quiet_until: before this event time a usual quote or trade makes no record, since a mark or a vector falls due only
    where a slot opens; 0 while the book is not a usual one. narrow: ticks, a wider spread is looked at by the breakers;
    0 while every quote is. quote_offset, trade_offset: the last ones applied.
    """

    price: Price
    micro: Micro
    quiet_until: int = 0
    narrow: int = 0
    quote_offset: int = -1
    trade_offset: int = -1
    breakers: Breakers = field(default_factory=Breakers)

    def __copy__(self) -> "SymbolState":
        return SymbolState(
            copy.copy(self.price),
            copy.copy(self.micro),
            self.quiet_until,
            self.narrow,
            self.quote_offset,
            self.trade_offset,
            copy.copy(self.breakers),
        )


class _Clock(msgspec.Struct, gc=False):
    """What of the accumulators before version 2 still counts."""

    clock: int
    sequence: int


class _Version1(msgspec.Struct, gc=False):
    price: Price
    micro: _Clock
    quote_offset: int
    trade_offset: int
    breakers: Breakers


_decode_version1 = msgspec.json.Decoder(_Version1).decode


def _read_version1(data: bytes) -> SymbolState:
    """A row of the first feature set: the book and the breakers go on, the windows start anew."""
    old = _decode_version1(data)
    micro = Micro(clock=old.micro.clock, sequence=old.micro.sequence)
    offsets = {"quote_offset": old.quote_offset, "trade_offset": old.trade_offset}
    return SymbolState(old.price, micro, **offsets, breakers=old.breakers)


def market_table() -> Table[SymbolState]:
    """The table `market`, keyed by symbol."""
    return Table("market", SymbolState, version=b"\x02", older={VERSION: _read_version1})


class HasMarket(Protocol):
    """Tables of the cell that keeps the markets."""

    market: Table[SymbolState]


_skipped = attrgetter("late", "crossed", "one_sided", "inferred")
_COUNTERS = (
    ("features_skipped_total", ("late",)),
    ("features_skipped_total", ("crossed",)),
    ("features_skipped_total", ("one_sided",)),
    ("trades_side_inferred_total", ()),
)


def skipped(tables: HasMarket) -> Counts:
    """How many quotes and trades of the open chunk made no feature, and how many sides were inferred."""
    grown = dict.fromkeys(_COUNTERS, 0)
    for _, found, now in tables.market.changes():
        if now is not None and (found is None or _skipped(found.micro) != _skipped(now.micro)):
            before = _skipped(found.micro if found else Micro())
            for counter, old, new in zip(_COUNTERS, before, _skipped(now.micro), strict=True):
                grown[counter] += new - old
    return {counter: amount for counter, amount in grown.items() if amount}
