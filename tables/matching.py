"""The matching rules of one side of a book, without orders or tables: what is there, at what price, and what is left.

Prices in ticks, sizes in lots.
"""

from typing import NamedTuple

import msgspec

from streams.messages import Quote, Side

WALK_BLOCKS = 10
"""Blocks behind the displayed size that a taker may walk through; each has the displayed size, one tick further."""


class Leg(NamedTuple):
    """One price of an execution. block 0 is the displayed size, block j the j-th of the walk."""

    price: int
    qty: int
    block: int


class Depth(msgspec.Struct, frozen=True, gc=False):
    """One side of the book and what our own fills have used of it.

    left: of the displayed size; walked: lots taken from the blocks behind it.
    """

    price: int
    size: int
    left: int
    walked: int = 0

    @property
    def used(self) -> bool:
        """Whether a later order must be kept from using these sizes again."""
        return self.left < self.size or self.walked > 0

    def without(self, qty: int, block: int = 0) -> "Depth":
        """What remains after a fill of `qty` from a block."""
        if block:
            return Depth(self.price, self.size, self.left, self.walked + qty)
        return Depth(self.price, self.size, self.left - qty, self.walked)


def depth(before: Depth | None, price: int, size: int) -> Depth | None:
    """The side as a new quote shows it, with what is used already; None when nothing can fill there.

    At the same price only growth is new: left = min(new, left + max(0, new - old)). A new price is fresh.
    """
    if price <= 0 or size <= 0:
        return None
    if before is None or before.price != price:
        return Depth(price, size, size)
    left = min(size, before.left + max(0, size - before.size))
    return Depth(price, size, left, before.walked)


def walk(book: Depth, side: Side, qty: int, worst: int) -> tuple[list[Leg], bool]:
    """The legs that fill up to `qty` lots of a taker, and whether its worst price (0 = none) ended the walk."""
    away = 1 if side == "buy" else -1
    legs: list[Leg] = []
    for block in range(WALK_BLOCKS + 1):
        price = book.price + away * block
        if qty == 0 or price <= 0:
            break
        if worst and away * (price - worst) > 0:
            return legs, True
        room = min(qty, _room(book, block))
        if room:
            legs.append(Leg(price, room, block))
            qty -= room
    return legs, False


def _room(book: Depth, block: int) -> int:
    if block == 0:
        return book.left
    return max(0, min(book.size, book.size * block - book.walked))


def is_crossed(quote: Quote) -> bool:
    """Both sides are there and the bid is above the ask; a locked book is valid."""
    return quote.ask > 0 and quote.bid > quote.ask


def triggers(side: Side, stop_price: int, quote: Quote) -> bool:
    """Whether a quote sets off a stop: a sell at bid <= stop, a buy at ask >= stop; an absent side never does."""
    if side == "sell":
        return quote.bid > 0 and quote.bid_size > 0 and quote.bid <= stop_price
    return quote.ask > 0 and quote.ask_size > 0 and quote.ask >= stop_price
