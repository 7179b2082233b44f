"""What a symbol's features are made from: integer totals, changed by each quote and trade, and windows over them.

Every total is an integer of ticks, lots or events, so sums never drift. Event time is cut into slots of 50 ms: an event
adds to totals, and what windows need is written down where a slot opens (`models/rings.py`). Work per event does not
grow with history.
"""

import math
from copy import copy
from dataclasses import dataclass, field, fields
from operator import attrgetter

from models import vpin as buckets
from models.rings import empty, roll
from models.vpin import DAY_NS, Vpin

SLOT_NS = 50_000_000
SPAN_5S, SECOND, SPAN_60S, SPAN_300S, DAY = 5, 20, 60, 300, DAY_NS // SLOT_NS
"""Slots in one span of the 5 s ring, a second, a span of the 60 s and 300 s rings, a day: each divides the next."""

LATE_NS = 1_000_000_000
"""An event that is older than the symbol's clock by more is skipped."""

LN_UNITS = 1_000_000_000
"""Returns between whole seconds are integers of 1e-9."""

Marks2 = tuple[tuple[int, int], ...]
Marks5 = tuple[tuple[int, int, int, int, int], ...]
Marks8 = tuple[tuple[int, int, int, int, int, int, int, int], ...]


@dataclass(slots=True)
class Micro:
    """The accumulators of one symbol; a slotted class, since its fields are set in a sixth of the time of a struct's.

    clock, since (of the first book), due, emitted: event time in ns. slot: number of the open slot; wake: the time at
    which it ends; quoted: whether it saw a quote. bid, ask: ticks, sizes: lots, bid 0 = no two-sided book; mid2: the
    last mid in half ticks; low, high: the mids since the last vector; mid2_second: the mid at the last whole second.

    Totals since the start: ofi, order flow in lots; buy, sell: lots; trades: number; notional: ticks x lots; depth:
    lots on both sides at the ends of slots that saw a quote, books: how many; squares: of returns between seconds.
    Marks: ring_1s (mid2, ofi), ring_5s (mid2, ofi, buy, sell, trades), ring_60s (mid2, ofi, buy, sell, notional, depth,
    books, squares), ring_300s (trades, squares). late .. inferred: events counted and not used as they are.
    """

    clock: int = 0
    slot: int = 0
    wake: int = 0
    since: int = 0
    bid: int = 0
    ask: int = 0
    bid_size: int = 0
    ask_size: int = 0
    mid2: int = 0
    low: int = 0
    high: int = 0
    mid2_second: int = 0
    quoted: bool = False
    ofi: int = 0
    buy: int = 0
    sell: int = 0
    trades: int = 0
    notional: int = 0
    depth: int = 0
    books: int = 0
    squares: int = 0
    last: int = 0
    direction: int = 0
    due: int = 0
    emitted: int = 0
    sequence: int = 0
    late: int = 0
    crossed: int = 0
    one_sided: int = 0
    inferred: int = 0
    ring_1s: Marks2 = empty(2)  # type: ignore[assignment]  # as wide as said
    ring_5s: Marks5 = empty(5)  # type: ignore[assignment]
    ring_60s: Marks8 = empty(8)  # type: ignore[assignment]
    ring_300s: Marks2 = empty(2)  # type: ignore[assignment]
    vpin: Vpin = field(default_factory=Vpin)

    def __copy__(self) -> "Micro":
        twin = Micro(*_all(self))
        twin.vpin = copy(self.vpin)
        return twin


_all = attrgetter(*[each.name for each in fields(Micro)])


def admit(micro: Micro, time: int) -> int:
    """The time at which an event is applied: never before the clock. 0: too old, counted, to be skipped."""
    clock = micro.clock
    if time >= clock:
        return time
    if clock - time > LATE_NS:
        micro.late += 1
        return 0
    return clock


def on_quote(  # noqa: C901  every tick passes here, and a helper's call costs a fifth of it
    micro: Micro, time: int, bid: int, ask: int, bid_size: int, ask_size: int
) -> None:
    """Apply a two-sided quote (0 < bid <= ask, sizes > 0) at an admitted time.

    Order flow e = [b>=b']qb - [b<=b']qb' - [a<=a']qa + [a>=a']qa' (Cont, Kukanov, Stoikov 2014); prime = the quote
    before. The first quote after no book gives 0.
    """
    if time >= micro.wake:
        advance(micro, time)
    else:
        micro.clock = time
    before = micro.bid
    if bid == before and ask == micro.ask:
        micro.ofi += bid_size - micro.bid_size - ask_size + micro.ask_size
    else:
        mid2 = bid + ask
        if before:
            if bid > before:
                flow = bid_size
            elif bid < before:
                flow = -micro.bid_size
            else:
                flow = bid_size - micro.bid_size
            before = micro.ask
            if ask < before:
                flow -= ask_size
            elif ask > before:
                flow += micro.ask_size
            else:
                flow += micro.ask_size - ask_size
            micro.ofi += flow
        elif not micro.since:
            micro.since = time
            micro.low = micro.high = mid2
        micro.bid = bid
        micro.ask = ask
        if mid2 < micro.low:
            micro.low = mid2
        elif mid2 > micro.high:
            micro.high = mid2
    micro.bid_size = bid_size
    micro.ask_size = ask_size
    micro.quoted = True


def on_no_book(micro: Micro, time: int) -> None:
    """A side of the book is empty: no vector until both are back."""
    advance(micro, time)
    micro.one_sided += 1
    if micro.bid:
        micro.mid2 = micro.bid + micro.ask
    micro.bid = 0


def on_trade(micro: Micro, time: int, price: int, size: int, side: str) -> None:
    """Apply a trade at an admitted time. side: the aggressor's; "" is inferred from the mid, else from the price.

    A trade whose side cannot be inferred either is one of `trades` and no more.
    """
    if time >= micro.wake:
        advance(micro, time)
    else:
        micro.clock = time
    if price != micro.last:
        if micro.last:
            micro.direction = 1 if price > micro.last else -1
        micro.last = price
    micro.trades += 1
    if side == "":
        side = _infer_side(micro, price)
    if side == "buy":
        micro.buy += size
        sign = 1
    elif side == "sell":
        micro.sell += size
        sign = -1
    else:
        return
    micro.notional += price * size
    if micro.buy + micro.sell >= micro.vpin.end:
        buckets.fill(micro.vpin, micro.buy, micro.sell, size, sign)


def _infer_side(micro: Micro, price: int) -> str:
    micro.inferred += 1
    mid2 = mid2_of(micro)
    sign = (2 * price > mid2) - (2 * price < mid2) if mid2 else 0
    return ("", "buy", "sell")[sign or micro.direction]


def mid2_of(micro: Micro) -> int:
    """The mid in half ticks, the last one while there is no book; 0 before the first."""
    return micro.bid + micro.ask if micro.bid else micro.mid2


def advance(micro: Micro, time: int) -> None:
    """Move the clock on; close the open slot, and open the spans that begin up to `time`."""
    if time > micro.clock:
        micro.clock = time
    if time < micro.wake:
        return
    old = micro.slot
    slot = micro.slot = time // SLOT_NS
    micro.wake = (slot + 1) * SLOT_NS
    mid2 = micro.bid + micro.ask if micro.bid else micro.mid2
    if micro.quoted:
        micro.quoted = False
        if micro.bid:
            micro.depth += micro.bid_size + micro.ask_size
            micro.books += 1
    micro.ring_1s = roll(micro.ring_1s, slot - old, (mid2, micro.ofi))
    opened = slot // SPAN_5S - old // SPAN_5S
    if opened:
        mark = (mid2, micro.ofi, micro.buy, micro.sell, micro.trades)
        micro.ring_5s = roll(micro.ring_5s, opened, mark)
        if slot // SECOND != old // SECOND:
            _open_second(micro, old, slot, mid2)
    vpin = micro.vpin
    if vpin.planned and time >= vpin.planned_from:
        buckets.adopt(vpin, vpin.planned, micro.buy, micro.sell)


def _open_second(micro: Micro, old: int, slot: int, mid2: int) -> None:
    """Add the square of the last second's return, then open the spans that begin with a second."""
    if micro.mid2_second and mid2 != micro.mid2_second:
        micro.squares += round(LN_UNITS * math.log(mid2 / micro.mid2_second)) ** 2
    micro.mid2_second = mid2
    if slot // SPAN_60S == old // SPAN_60S:
        return
    lots = micro.buy, micro.sell, micro.notional
    mark = (mid2, micro.ofi, *lots, micro.depth, micro.books, micro.squares)
    micro.ring_60s = roll(micro.ring_60s, slot // SPAN_60S - old // SPAN_60S, mark)
    opened = slot // SPAN_300S - old // SPAN_300S
    if opened:
        micro.ring_300s = roll(micro.ring_300s, opened, (micro.trades, micro.squares))
        if slot // DAY != old // DAY and micro.since and not micro.vpin.bucket:
            seen_ns = slot // DAY * DAY_NS - micro.since
            bucket = buckets.default_bucket(micro.buy + micro.sell, seen_ns)
            if bucket:
                buckets.adopt(micro.vpin, bucket, micro.buy, micro.sell)
