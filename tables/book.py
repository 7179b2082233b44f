"""The price index over the live orders of the exchange: a tick that reaches none of them costs five compares.

The table of orders is what is logged; the index is derived from it, order by order, and rebuilt on restore.

Why ticks are compared one by one: a chunk's lowest and highest prices of each symbol would tell that none of its ticks
matters, but finding them reads every tick, at half of the cost of comparing it. The fold visits each tick for its mark
anyway, so a scan ahead would spare at most a twentieth of a tick. The benchmark row P8 measures both.
"""

from streams.messages import Quote
from tables.ladder import NEVER, Entry, Ladder
from tables.resting import UNKNOWN, RestingOrder

NOWHERE = -NEVER


class SymbolBook:
    """What waits on one symbol.

    A quote with bid in (bid_low, bid_high), ask in (ask_low, ask_high) and a time before `due` reaches nothing; so does
    a trade in (trade_low, trade_high) before `trade_due`. stop_low, stop_high: bid_low and ask_high but for queues.
    """

    __slots__ = (
        "_ladders",
        "ask_high",
        "ask_low",
        "bid_high",
        "bid_low",
        "consumed",
        "due",
        "live",
        "stop_high",
        "stop_low",
        "takers",
        "trade_due",
        "trade_high",
        "trade_low",
    )

    def __init__(self) -> None:
        self._ladders: dict[str, Ladder] = {}
        self.takers: set[str] = set()
        self.live = 0
        self.consumed = False
        self.refresh()

    def ladder(self, kind: str) -> Ladder:
        """The entries of one kind, as `places` names them."""
        found = self._ladders.get(kind)
        if found is None:
            found = self._ladders[kind] = Ladder()
        return found

    def refresh(self) -> None:
        """Bring the bounds that a tick is compared with in step with the ladders."""
        best = {kind: ladder.best for kind, ladder in self._ladders.items()}.get
        limit_buy, limit_sell = best("limit buy", NOWHERE), best("limit sell", NOWHERE)
        self.stop_low = max(best("stop sell", NOWHERE), best("mid trail buy", NOWHERE))
        self.stop_high = -max(best("stop buy", NOWHERE), best("mid trail sell", NOWHERE))
        self.bid_low = max(self.stop_low, best("queue buy", NOWHERE))
        self.bid_high = -max(limit_sell, best("trail sell", NOWHERE))
        self.ask_low = max(limit_buy, best("trail buy", NOWHERE))
        self.ask_high = min(self.stop_high, -best("queue sell", NOWHERE))
        self.trade_low = max(limit_buy, best("last sell", NOWHERE), best("last trail buy", NOWHERE))
        self.trade_high = -max(
            limit_sell, best("last buy", NOWHERE), best("last trail sell", NOWHERE)
        )
        timers = max(best("cancel", NOWHERE), best("expiry", NOWHERE))
        self.trade_due = -timers
        waits = self.takers or self.consumed
        self.due = 0 if waits else -max(timers, best("arrival", NOWHERE), best("replace", NOWHERE))

    def is_quiet(self, quote: Quote, clock: int) -> bool:
        """Whether a quote reaches nothing but orders at its own prices, whose queues are no longer than it shows."""
        return (
            self.stop_low < quote.bid < self.bid_high
            and self.ask_low < quote.ask < self.stop_high
            and clock <= quote.time < self.due
            and self._queues_stay("queue buy", quote.bid, quote.bid_size)
            and self._queues_stay("queue sell", -quote.ask, quote.ask_size)
        )

    def _queues_stay(self, kind: str, reach: int, size: int) -> bool:
        longest = self.ladder(kind).after(None, reach)
        return longest is None or (longest[0] == reach and longest[1] <= size)


class BookIndex:
    """Symbol -> SymbolBook, kept in step with the table of live orders."""

    def __init__(self) -> None:
        self.books: dict[str, SymbolBook] = {}

    def change(self, key: str, old: RestingOrder | None, new: RestingOrder | None) -> None:
        """Follow one change of the table."""
        before = places(old) if old is not None else ()
        after = places(new) if new is not None else ()
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


def places(order: RestingOrder) -> list[tuple[str, Entry]]:
    """Where the index keeps an order; a held one waits for its parent and has but its timers.

    Keys are such that an entry is reached when its key >= the compared value, negated where larger prices reach it.
    """
    found = _timers(order)
    if order.state == "ACCEPTED":
        found.append(("arrival", _entry(-order.active_at, order)))
    elif order.state == "UNTRIGGERED":
        found += _stop_places(order)
    elif order.state == "HELD" or (order.held and not order.free):
        pass
    elif order.is_limit and order.state != "TRIGGERED":
        found.append((f"limit {order.side}", limit_entry(order)))
        if order.queue:
            found.append((f"queue {order.side}", _queue_entry(order)))
    else:
        found.append(("taker", _entry(0, order)))
    return found


def limit_entry(order: RestingOrder) -> Entry:
    """Where a limit order stands among those of its side: the best price last."""
    return _entry(order.sign * order.price, order)


def _queue_entry(order: RestingOrder) -> Entry:
    """By price, then by the length of the queue, an unknown one last."""
    queue = NEVER if order.queue == UNKNOWN else order.queue
    return (order.sign * order.price, queue, -order.accepted_ref.offset, order.order_id)


def _timers(order: RestingOrder) -> list[tuple[str, Entry]]:
    found: list[tuple[str, Entry]] = []
    if order.cancel_at:
        found.append(("cancel", _entry(-order.cancel_at, order)))
    if order.expire_at:
        found.append(("expiry", _entry(-order.expire_at, order)))
    if order.change is not None:
        change = order.change
        found.append(("replace", (-change.active_at, 0, -change.ref.offset, order.order_id)))
    return found


_STOP = {"quote": "stop", "mark": "stop", "trade": "last"}
"""A mid at the stop implies a bid (ask) at or beyond it, so stops by quote and by mark share a ladder."""

_TRAIL = {"quote": "trail", "mark": "mid trail", "trade": "last trail"}
"""A mid beyond the best implies an ask (for sells; a bid for buys) beyond it: the other side than for quotes."""


def _stop_places(order: RestingOrder) -> list[tuple[str, Entry]]:
    sign, side = order.sign, order.side
    found = [(f"{_STOP[order.trigger]} {side}", _entry(-sign * order.stop_price, order))]
    if order.type == "trailing_stop":
        better = _entry(sign * order.best - 1 if order.best else NEVER, order)
        found.append((f"{_TRAIL[order.trigger]} {side}", better))
    return found


def _entry(key: int, order: RestingOrder) -> Entry:
    return (key, -order.active_at, -order.accepted_ref.offset, order.order_id)


def _enter(book: SymbolBook, kind: str, entry: Entry) -> None:
    if kind == "taker":
        book.takers.add(entry[3])
    else:
        book.ladder(kind).add(entry)


def _leave(book: SymbolBook, kind: str, entry: Entry) -> None:
    if kind == "taker":
        book.takers.remove(entry[3])
    else:
        book.ladder(kind).remove(entry)
