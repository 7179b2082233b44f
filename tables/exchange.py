"""The tables of the simulated exchange in one cell, and the index over them; only the broker's handlers write them.

A symbol's last quote is kept only while an order waits on it: an order never fills from a record older than its
activation, so nothing before its arrival matters. What our fills used of the displayed sizes is kept until the price
moves, orders or not, so that a size is used once.
"""

from typing import Any

import msgspec

from streams.messages import Quote, Side
from streams.state import Table
from tables.book import BookIndex
from tables.groups import Family, FamilyIndex
from tables.matching import Depth
from tables.resting import RestingOrder
from tables.window import OldestFirst


class Standing(msgspec.Struct):
    """The last quote of a symbol on which orders wait, changed in place; None once a bar has superseded it.

    clock: the latest event time of its quotes and bars in ns.
    """

    quote: Quote | None
    clock: int


class Consumed(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Both sides of a book as far as our fills have used them; None = nothing used at the standing price."""

    bid: Depth | None = None
    ask: Depth | None = None


class Bracket(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """An entry with exits. side: the entry's; entered, exited: lots filled; shrunk: lots closed by other orders."""

    entry_id: str
    account: str
    symbol: str
    side: Side
    entered: int = 0
    exited: int = 0
    shrunk: int = 0

    @property
    def open(self) -> int:
        """Lots that the protective stop has to cover."""
        return self.entered - self.exited - self.shrunk

    @property
    def stop_id(self) -> str:
        """Order id of the protective stop."""
        return f"{self.entry_id}/sl"

    @property
    def profit_id(self) -> str:
        """Order id of the take profit."""
        return f"{self.entry_id}/tp"


class Holding(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The net position of (account, symbol) in lots and the brackets with open quantity on it, oldest first."""

    net: int = 0
    brackets: tuple[str, ...] = ()


class Version(msgspec.Struct, frozen=True, gc=False):
    """Which record on `control` says what an instrument is."""

    control_offset: int


class ConsumedIndex:
    """Tells the book index which symbols have used sizes."""

    def __init__(self, index: BookIndex) -> None:
        self._index = index

    def change(self, key: str, old: Consumed | None, new: Consumed | None) -> None:
        """Follow one change of the table."""
        if (old is None) != (new is None):
            self._index.consume(key, new is not None)

    def clear(self) -> None:
        """Forget everything."""
        for symbol in [symbol for symbol, book in self._index.books.items() if book.consumed]:
            self._index.consume(symbol, False)


class Exchange:
    """All that the broker knows in one cell."""

    def __init__(self) -> None:
        self.index = BookIndex()
        self.families = FamilyIndex()
        self.orders = Table("exchange.orders", RestingOrder, (self.index, self.families))
        self.consumed = Table("exchange.consumed", Consumed, (ConsumedIndex(self.index),))
        self.standing = Table("exchange.standing", Standing)
        self.brackets = Table("exchange.brackets", Bracket)
        self.holdings = Table("exchange.holdings", Holding)
        self.groups_by_age: OldestFirst[Family] = OldestFirst(lambda family: family.since)
        self.groups = Table("exchange.groups", Family, (self.groups_by_age,))
        self.versions = Table("exchange.versions", Version)

    def tables(self) -> tuple[Table[Any], ...]:
        """The tables to log and restore."""
        return (
            self.orders,
            self.consumed,
            self.standing,
            self.brackets,
            self.holdings,
            self.groups,
            self.versions,
        )

    def net(self, account: str, symbol: str) -> int:
        """The broker's own position in lots."""
        holding = self.holdings.get(holding_key(account, symbol))
        return holding.net if holding is not None else 0

    def hold(self, account: str, symbol: str, holding: Holding) -> None:
        """Write a holding; an empty one is removed."""
        key = holding_key(account, symbol)
        if holding.net or holding.brackets:
            self.holdings.put(key, holding)
        elif key in self.holdings:
            self.holdings.delete(key)


def holding_key(account: str, symbol: str) -> str:
    """Symbols hold no `|`, account ids neither."""
    return f"{account}|{symbol}"
