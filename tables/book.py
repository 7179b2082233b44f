"""The live orders of the exchange and their price index, so that a tick which reaches none of them costs four compares.

The table of orders is what is logged; the index is derived from it, order by order, and rebuilt on restore.
"""

from bisect import bisect_left, insort

import msgspec

from streams.ids import Ref
from streams.messages import OrderType, Side, State, TimeInForce

NEVER = 1 << 62
"""Beyond every price in ticks and every time in ns."""

BULK = 64
"""More fresh entries than this are sorted at once: a restore adds a whole book before anything reads it."""

Entry = tuple[int, int, int, str]
"""(key, -active_at, -offset, order_id): sorts by what is served first, largest first."""


class RestingOrder(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One live order. qty, filled: lots; prices: ticks, 0 = none; active_at, cancel_at: ns of event time, 0 = not yet.

    stop_loss, take_profit: of an entry's bracket. parent_id: the entry that an exit protects. rev, legs: events and
    fills so far. order_ref: the record on `orders.accepted` that brought the order, or its parent.
    """

    order_id: str
    client_order_id: str
    account: str
    symbol: str
    side: Side
    type: OrderType
    tif: TimeInForce
    qty: int
    state: State
    active_at: int
    order_ref: Ref
    maker_rate: int
    taker_rate: int
    price: int = 0
    stop_price: int = 0
    stop_loss: int = 0
    take_profit: int = 0
    protection: int = 0
    reduce_only: bool = False
    filled: int = 0
    rev: int = 0
    legs: int = 0
    cancel_at: int = 0
    cancel_reason: str = ""
    parent_id: str = ""
    strategy: str = ""

    @property
    def remaining(self) -> int:
        """Lots still open."""
        return self.qty - self.filled

    @property
    def sign(self) -> int:
        """+1 for a buy, -1 for a sell."""
        return 1 if self.side == "buy" else -1

    @property
    def is_protective(self) -> bool:
        """The stop of a bracket."""
        return self.parent_id != "" and self.type == "stop"

    @property
    def rank(self) -> tuple[int, int, str]:
        """Earlier activation first, then the earlier command."""
        return (self.active_at, self.order_ref.offset, self.order_id)


class Ladder:
    """Entries of one kind, sorted so that the one to be served first stands last. best: its key, or -NEVER."""

    __slots__ = ("_entries", "_fresh", "best")

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._fresh: list[Entry] = []
        self.best = -NEVER

    def add(self, entry: Entry) -> None:
        """Take in an entry."""
        self._fresh.append(entry)
        if entry[0] > self.best:
            self.best = entry[0]

    def remove(self, entry: Entry) -> None:
        """Drop an entry that is there."""
        entries = self._settled()
        at = bisect_left(entries, entry)
        assert entries[at] == entry, "the index has lost step with its table"
        del entries[at]
        self.best = entries[-1][0] if entries else -NEVER

    def after(self, last: Entry | None, reach: int) -> Entry | None:
        """The entry served next after `last` (None: the first) with a key of at least `reach`; safe while changing."""
        entries = self._settled()
        at = len(entries) if last is None else bisect_left(entries, last)
        return entries[at - 1] if at and entries[at - 1][0] >= reach else None

    def reached(self, reach: int) -> list[str]:
        """The ids with a key of at least `reach`, served first first."""
        entries = self._settled()
        start = bisect_left(entries, (reach, -NEVER, -NEVER, ""))
        return [entry[3] for entry in reversed(entries[start:])]

    def _settled(self) -> list[Entry]:
        if len(self._fresh) > BULK:
            self._entries.extend(self._fresh)
            self._entries.sort()
        else:
            for entry in self._fresh:
                insort(self._entries, entry)
        self._fresh.clear()
        return self._entries


class SymbolBook:
    """What waits on one symbol. A quote with bid in (sell_stop, sell_limit), ask in (buy_limit, buy_stop) and a time
    before `due` reaches nothing; a trade in [buy_limit, sell_limit] before `cancels_due` likewise.
    """

    __slots__ = (
        "buy_limit",
        "buy_stop",
        "cancels_due",
        "consumed",
        "due",
        "ladders",
        "live",
        "sell_limit",
        "sell_stop",
        "takers",
    )

    def __init__(self) -> None:
        self.ladders: dict[str, Ladder] = {kind: Ladder() for kind in _LADDERS}
        self.takers: set[str] = set()
        self.live = 0
        self.consumed = False
        self.refresh()

    def refresh(self) -> None:
        """Bring the bounds that a tick is compared with in step with the ladders."""
        ladders = self.ladders
        self.buy_limit = ladders["limit buy"].best
        self.sell_limit = -ladders["limit sell"].best
        self.buy_stop = -ladders["stop buy"].best
        self.sell_stop = ladders["stop sell"].best
        self.cancels_due = -ladders["cancel"].best
        if self.takers or self.consumed:
            self.due = 0
        else:
            self.due = min(self.cancels_due, -ladders["arrival"].best)


class BookIndex:
    """Symbol -> SymbolBook, kept in step with the table of live orders."""

    def __init__(self) -> None:
        self.books: dict[str, SymbolBook] = {}

    def change(self, key: str, old: RestingOrder | None, new: RestingOrder | None) -> None:
        """Follow one change of the table."""
        before = _places(old) if old is not None else ()
        after = _places(new) if new is not None else ()
        if before == after and old is not None and new is not None:
            return
        order = new if new is not None else old
        if order is None:
            return
        book = self.book(order.symbol)
        for kind, entry in before:
            _leave(book, kind, entry)
        for kind, entry in after:
            _enter(book, kind, entry)
        book.live += (new is not None) - (old is not None)
        book.refresh()
        self.prune(order.symbol)

    def clear(self) -> None:
        """Forget the orders; what is consumed belongs to another table."""
        consumed = [symbol for symbol, book in self.books.items() if book.consumed]
        self.books.clear()
        for symbol in consumed:
            self.consume(symbol, True)

    def book(self, symbol: str) -> SymbolBook:
        """The book of a symbol, made when it is missing."""
        found = self.books.get(symbol)
        if found is None:
            found = self.books[symbol] = SymbolBook()
        return found

    def consume(self, symbol: str, consumed: bool) -> None:
        """Note whether displayed sizes of a symbol have been used."""
        book = self.book(symbol)
        book.consumed = consumed
        book.refresh()
        self.prune(symbol)

    def prune(self, symbol: str) -> None:
        """Drop a book that nothing waits on."""
        book = self.books[symbol]
        if book.live == 0 and not book.consumed:
            del self.books[symbol]


_LADDERS = ("limit buy", "limit sell", "stop buy", "stop sell", "arrival", "cancel")
_LIMIT_KEY = {"buy": 1, "sell": -1}
_STOP_KEY = {"buy": -1, "sell": 1}


def limit_entry(order: RestingOrder) -> Entry:
    """Where a limit order stands among those of its side: the best price last."""
    return _entry(_LIMIT_KEY[order.side] * order.price, order)


def _entry(key: int, order: RestingOrder) -> Entry:
    return (key, -order.active_at, -order.order_ref.offset, order.order_id)


def _places(order: RestingOrder) -> tuple[tuple[str, Entry], ...]:
    """Where the index keeps an order; a held exit waits for its entry and is nowhere."""
    cancel = (("cancel", _entry(-order.cancel_at, order)),) if order.cancel_at else ()
    if order.state == "HELD":
        return cancel
    if order.state == "ACCEPTED":
        return (("arrival", _entry(-order.active_at, order)), *cancel)
    if order.state == "UNTRIGGERED":
        key = _STOP_KEY[order.side] * order.stop_price
        return ((f"stop {order.side}", _entry(key, order)), *cancel)
    if order.type == "limit":
        return ((f"limit {order.side}", limit_entry(order)), *cancel)
    return (("taker", _entry(0, order)), *cancel)


def _enter(book: SymbolBook, kind: str, entry: Entry) -> None:
    if kind == "taker":
        book.takers.add(entry[3])
    else:
        book.ladders[kind].add(entry)


def _leave(book: SymbolBook, kind: str, entry: Entry) -> None:
    if kind == "taker":
        book.takers.remove(entry[3])
    else:
        book.ladders[kind].remove(entry)
