"""What a symbol's features are made from: integer sums over windows of event time, changed by each quote and trade.

Every accumulator is an integer of ticks, lots or events, so running sums never drift. Time is cut into slots of 50 ms.
A window is a ring of 20 equal spans of slots, so it covers between 0.95 and 1.0 of its length, the open span included.
Work per event does not grow with history.
"""

from dataclasses import MISSING, dataclass, field, fields
from operator import attrgetter

SLOT_NS = 50_000_000
SPANS = 20
SPAN_5S = 5
SPAN_60S = 60
"""Slots in one span of the 5 s and of the 60 s ring; a span of the 1 s ring is one slot."""

LATE_NS = 1_000_000_000
"""An event that is older than the symbol's clock by more is skipped."""


def _zeros() -> list[int]:
    return [0] * SPANS


@dataclass(slots=True)
class Micro:
    """The accumulators of one symbol; a slotted class, since its fields are set in a sixth of the time of a struct's.

    clock, since (of the first book), due, emitted: event time in ns. slot: number of the open slot; wake: the time at
    which it ends. bid, ask: ticks, sizes: lots, bid 0 = no two-sided book; mid2: the last mid in half ticks. ofi and
    quoted: of the open slot; buy, sell, trades: of the open 5 s span. `*_sum` are of the closed spans in the window,
    `*_ring` hold them by number modulo 20, `mid2_*` the mid at each span's start. depth_*: of the 60 s ring, the size
    on both sides at the ends of slots that saw a quote. late .. inferred: events counted and not used as they are.
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
    ofi: int = 0
    quoted: bool = False
    buy: int = 0
    sell: int = 0
    trades: int = 0
    last: int = 0
    direction: int = 0
    ofi_sum: int = 0
    buy_sum: int = 0
    sell_sum: int = 0
    trades_sum: int = 0
    depth_sum: int = 0
    depth_count: int = 0
    due: int = 0
    emitted: int = 0
    sequence: int = 0
    late: int = 0
    crossed: int = 0
    one_sided: int = 0
    inferred: int = 0
    ofi_ring: list[int] = field(default_factory=_zeros)
    mid2_1s: list[int] = field(default_factory=_zeros)
    mid2_5s: list[int] = field(default_factory=_zeros)
    buy_ring: list[int] = field(default_factory=_zeros)
    sell_ring: list[int] = field(default_factory=_zeros)
    trades_ring: list[int] = field(default_factory=_zeros)
    depth_ring: list[int] = field(default_factory=_zeros)
    depth_counts: list[int] = field(default_factory=_zeros)

    def __copy__(self) -> "Micro":
        return Micro(*_sums(self), *map(list.copy, _rings(self)))


_sums = attrgetter(*[each.name for each in fields(Micro) if each.default is not MISSING])
_rings = attrgetter(*[each.name for each in fields(Micro) if each.default is MISSING])


def admit(micro: Micro, time: int) -> int:
    """The time at which an event is applied: never before the clock. 0: too old, counted, to be skipped."""
    clock = micro.clock
    if time >= clock:
        return time
    if clock - time > LATE_NS:
        micro.late += 1
        return 0
    return clock


def on_quote(micro: Micro, time: int, bid: int, ask: int, bid_size: int, ask_size: int) -> None:
    """Apply a two-sided quote (0 < bid <= ask, sizes > 0) at an admitted time.

    Order flow e = [b>=b']qb - [b<=b']qb' - [a<=a']qa + [a>=a']qa' (Cont, Kukanov, Stoikov 2014); prime = the quote
    before. The first quote after no book gives 0.
    """
    if time >= micro.wake:
        advance(micro, time)
    else:
        micro.clock = time
    before = micro.bid
    if before:
        flow = bid_size if bid >= before else 0
        if bid <= before:
            flow -= micro.bid_size
        before = micro.ask
        if ask <= before:
            flow -= ask_size
        if ask >= before:
            flow += micro.ask_size
        micro.ofi += flow
    elif not micro.since:
        micro.since = time
    micro.bid = bid
    micro.ask = ask
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
    """Apply a trade at an admitted time. side: the aggressor's; "" is inferred from the mid, else from the price."""
    if time >= micro.wake:
        advance(micro, time)
    else:
        micro.clock = time
    last = micro.last
    if price != last:
        if last:
            micro.direction = 1 if price > last else -1
        micro.last = price
    if side == "":
        side = _infer_side(micro, price)
    if side == "buy":
        micro.buy += size
    elif side == "sell":
        micro.sell += size
    micro.trades += 1


def _infer_side(micro: Micro, price: int) -> str:
    micro.inferred += 1
    mid2 = mid2_of(micro)
    sign = (2 * price > mid2) - (2 * price < mid2) if mid2 else 0
    return ("", "buy", "sell")[sign or micro.direction]


def mid2_of(micro: Micro) -> int:
    """The mid in half ticks, the last one while there is no book; 0 before the first."""
    return micro.bid + micro.ask if micro.bid else micro.mid2


def advance(micro: Micro, time: int) -> None:
    """Move the clock on; close the open slot and its spans where `time` lies beyond them."""
    if time > micro.clock:
        micro.clock = time
    if time < micro.wake:
        return
    old = micro.slot
    slot = micro.slot = time // SLOT_NS
    micro.wake = (slot + 1) * SLOT_NS
    mid2 = mid2_of(micro)
    if micro.quoted:
        if micro.bid:
            _add_depth(micro, old // SPAN_60S % SPANS)
        micro.quoted = False
    ring, starts = micro.ofi_ring, micro.mid2_1s
    flow, micro.ofi = micro.ofi, 0
    ring[old % SPANS] = flow
    for index in (slot % SPANS,) if slot == old + 1 else _opened(old, slot):
        flow -= ring[index]
        ring[index] = 0
        starts[index] = mid2
    micro.ofi_sum += flow
    if slot // SPAN_5S != old // SPAN_5S:
        _close_5s(micro, old // SPAN_5S, slot // SPAN_5S, mid2)
        if slot // SPAN_60S != old // SPAN_60S:
            _close_60s(micro, old // SPAN_60S, slot // SPAN_60S)


def _opened(old: int, new: int) -> list[int]:
    """Places in a ring of the spans after `old` up to `new`; all of them after a gap of a whole window."""
    return [span % SPANS for span in range(max(old, new - SPANS) + 1, new + 1)]


def _add_depth(micro: Micro, index: int) -> None:
    depth = micro.bid_size + micro.ask_size
    micro.depth_ring[index] += depth
    micro.depth_sum += depth
    micro.depth_counts[index] += 1
    micro.depth_count += 1


def _close_5s(micro: Micro, old: int, new: int, mid2: int) -> None:
    buys, sells, counts = micro.buy_ring, micro.sell_ring, micro.trades_ring
    starts = micro.mid2_5s
    index = old % SPANS
    buys[index], sells[index], counts[index] = micro.buy, micro.sell, micro.trades
    micro.buy_sum += micro.buy
    micro.sell_sum += micro.sell
    micro.trades_sum += micro.trades
    micro.buy = micro.sell = micro.trades = 0
    for index in _opened(old, new):
        starts[index] = mid2
        if counts[index]:
            micro.buy_sum -= buys[index]
            micro.sell_sum -= sells[index]
            micro.trades_sum -= counts[index]
            buys[index] = sells[index] = counts[index] = 0


def _close_60s(micro: Micro, old: int, new: int) -> None:
    depths, counts = micro.depth_ring, micro.depth_counts
    for index in _opened(old, new):
        micro.depth_sum -= depths[index]
        micro.depth_count -= counts[index]
        depths[index] = counts[index] = 0
