"""The matching rules of one side of a book, without orders or tables: what is there, at what price, and what is left.

Prices in ticks, sizes in lots.
"""

from typing import NamedTuple

import msgspec

from streams.messages import Quote, Side
from tables.resting import UNKNOWN

WALK_BLOCKS = 10
"""Blocks behind the displayed size that a taker may walk through; each has the displayed size, one tick further."""

USABLE = frozenset({"", "repeat"})
"""Flags of quotes that fill and trigger."""


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


def walk(book: Depth, side: Side, qty: int, worst: int, least: int = 0) -> tuple[list[Leg], bool]:
    """The legs that fill up to `qty` lots of a taker, and whether its worst price (0 = none) ended the walk.

    least: no leg is better than this price (0 = none): what a trade beyond the quote says of the market.
    """
    away = 1 if side == "buy" else -1
    legs: list[Leg] = []
    for block in range(WALK_BLOCKS + 1):
        price = book.price + away * block
        if least and away * (least - price) > 0:
            price = least
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


def left_of(book: Depth, block: int) -> int:
    """Lots left of the displayed size, or of the walk up to a block."""
    return book.left if block == 0 else book.size * block - book.walked


def is_usable(quote: Quote) -> bool:
    """A quote to match against: not flagged as stale, late or suspect, and not crossed; a locked book is valid."""
    return quote.flags in USABLE and not (quote.ask > 0 and quote.bid > quote.ask)


def sized(quote: Quote, assumed: int) -> Quote:
    """A quote whose feed gives no sizes, with the instrument's assumed ones in lots; 0 = none are assumed."""
    bare_bid, bare_ask = quote.bid > 0 == quote.bid_size, quote.ask > 0 == quote.ask_size
    if not assumed or not (bare_bid or bare_ask):
        return quote
    return msgspec.structs.replace(
        quote,
        bid_size=assumed if bare_bid else quote.bid_size,
        ask_size=assumed if bare_ask else quote.ask_size,
    )


def queue_ahead(model: str, side: Side, price: int, quote: Quote | None) -> int:
    """Lots ahead of an order that joins the book: what its price shows, 0 if it improves it, else UNKNOWN."""
    if model != "queue":
        return 0
    if quote is None:
        return UNKNOWN
    best, size = (quote.bid, quote.bid_size) if side == "buy" else (quote.ask, quote.ask_size)
    if price == best:
        return size
    improves = best <= 0 or (price > best if side == "buy" else price < best)
    return 0 if improves else UNKNOWN


def queue_left(queue: int, side: Side, price: int, quote: Quote) -> int:
    """The queue after a quote: no longer than what is shown at the price; known from when it first is the best."""
    shown = queue_ahead("queue", side, price, quote)
    if shown == UNKNOWN or queue == UNKNOWN:
        return shown if queue == UNKNOWN else queue
    return min(queue, shown)
