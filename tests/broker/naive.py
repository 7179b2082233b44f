"""The slow twin of the exchange: lists, fractions and loops over everything, a literal reading of the rules.

It shares no code with the engine but the messages that come in. Symbol, tick and lot are those of the stage. This file
holds orders, their life and what a fill does to others; `naive_market` matches them.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from hashlib import sha256
from math import ceil
from typing import Any

from streams.instruments import Instrument
from streams.messages import Accepted, Quote, ReplaceAccepted, Side

PRICE, LOT = Fraction(1, 10), Fraction(1, 1000)
ENDED = ("FILLED", "CANCELLED", "REJECTED", "EXPIRED")


@dataclass(eq=False)
class Order:
    """One order; prices in ticks, 0 = none; queue: lots ahead, None = not known; held: lots that a parent arms."""

    order_id: str
    account: str
    side: Side
    type: str
    tif: str
    qty: int
    price: int
    stop: int
    rates: tuple[int, int]
    active: int
    offset: int
    protection: int = 0
    reduce_only: bool = False
    post_only: bool = False
    expire: int = 0
    trigger: str = "quote"
    trail: int = 0
    trail_bps: int = 0
    best: int = 0
    queue: int | None = None
    group: str = ""
    group_kind: str = ""
    opener: "Order | None" = None
    held: int = 0
    state: str = "ACCEPTED"
    filled: int = 0
    reason: str = ""
    cancel_at: int | None = None
    cancel_reason: str = ""
    change: ReplaceAccepted | None = None
    change_at: int = 0
    change_offset: int = 0
    parent: "Order | None" = None
    children: "list[Order]" = field(default_factory=list)
    shrunk: int = 0
    first_fill: int = -1
    set_off: int = -1

    @property
    def sign(self) -> int:
        return 1 if self.side == "buy" else -1

    @property
    def live(self) -> bool:
        return self.state not in ENDED

    @property
    def remaining(self) -> int:
        return self.qty - self.filled

    @property
    def free(self) -> int:
        return self.qty - self.filled - self.held

    @property
    def stops(self) -> bool:
        return self.type in ("stop", "stop_limit", "trailing_stop")

    @property
    def limits(self) -> bool:
        return self.type in ("limit", "stop_limit")

    @property
    def protects(self) -> bool:
        return self.parent is not None and self.stops

    @property
    def worst(self) -> int:
        return self.price if self.limits else self.protection

    @property
    def open(self) -> int:
        """Of a bracket's entry: what its stop has to cover."""
        return self.filled - sum(child.filled for child in self.children) - self.shrunk

    @property
    def rank(self) -> tuple[int, int, str]:
        return (self.active, self.offset, self.order_id)


@dataclass
class Fill:
    """One execution in exact numbers."""

    order_id: str
    account: str
    sign: int
    qty: int
    price: int
    rule: str
    fee: Fraction


class Shown:
    """One side of the shown book: what is left of the displayed size and of the ten blocks behind it."""

    def __init__(self, price: int, size: int) -> None:
        self.price, self.size, self.left, self.walked = price, size, size, 0

    def show(self, size: int) -> None:
        self.left = min(size, self.left + max(0, size - self.size))
        self.size = size

    def blocks(self) -> list[int]:
        """Lots left at the price, one tick further, ..."""
        walk = [self.size] * 10
        gone = self.walked
        for j in range(10):
            used = min(walk[j], gone)
            walk[j] -= used
            gone -= used
        return [self.left, *walk]


class NaiveOrders:
    """All orders of one symbol, live and ended, in the order in which they came."""

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.orders: list[Order] = []
        self.fills: list[Fill] = []
        self.group_filled: dict[tuple[str, str], int] = {}
        self.now = 0
        self.fresh: list[Order] = []

    def start(self, order: Order) -> None:
        """Give an order what the market shows it at its activation."""
        raise NotImplementedError

    def accept(self, a: Accepted, clock: int, offset: int) -> None:
        self.now = max(clock, a.time)
        order = Order(
            a.order_id, a.account, a.side, a.type, a.tif, a.qty, a.price,
            0 if a.type == "trailing_stop" else a.stop_price, (a.maker_rate, a.taker_rate),
            self.now + self.draw(offset, "order"), offset, a.protection, a.reduce_only, a.post_only,
            a.expire_at, a.trigger, a.trail_ticks, a.trail_bps, group_kind=a.group_kind,
            group="" if a.group_kind == "oto" else a.group_id,
        )  # fmt: skip
        self.orders.append(order)
        if a.mode != "sim":
            self.end(order, "REJECTED", "NOT_SIM")
            return
        if a.stop_loss or a.stop_loss_trail_ticks or a.stop_loss_trail_bps:
            self._exits(order, a)
        if a.group_kind == "oto":
            self._born(order, a.parent_id)
        elif a.group_kind:
            self._give_way(order, self.group_filled.get((a.account, a.group_id), 0))
        self.bury()

    def _exits(self, order: Order, a: Accepted) -> None:
        trails = a.stop_loss_trail_ticks or a.stop_loss_trail_bps
        kind, price = ("trailing_stop", 0) if trails else ("stop", a.stop_loss)
        stop = self._exit(order, kind, "sl", stop=price)
        stop.trigger, stop.trail = a.stop_loss_trigger, a.stop_loss_trail_ticks
        stop.trail_bps = a.stop_loss_trail_bps
        if a.take_profit:
            self._exit(order, "limit", "tp", price=a.take_profit)

    def _exit(self, parent: Order, type_: str, name: str, price: int = 0, stop: int = 0) -> Order:
        side: Side = "sell" if parent.side == "buy" else "buy"
        child = Order(
            f"{parent.order_id}/{name}", parent.account, side, type_, "GTC", parent.qty, price, stop,
            parent.rates, 0, parent.offset, reduce_only=True, state="HELD", parent=parent,
        )  # fmt: skip
        parent.children.append(child)
        self.orders.append(child)
        return child

    def _born(self, order: Order, opener: str) -> None:
        order.opener = next((o for o in self._live() if o.order_id == opener), None)
        if order.opener is None:
            self.end(order, "CANCELLED", "PARENT_ENDED")
        elif order.opener.filled:
            order.held = max(0, order.qty - order.opener.filled)
        else:
            order.state, order.held = "HELD", order.qty

    def cancel(self, order_id: str, reason: str, time: int, offset: int) -> None:
        self.now = time
        for order in self._live():
            if order.order_id != order_id or (order.protects and reason != "FLATTENED"):
                continue
            if reason in ("KILLED", "FLATTENED"):
                self.end(order, "CANCELLED", reason)
            elif order.cancel_at is None:
                order.cancel_at = max(time + self.draw(offset, "cancel"), order.active)
                order.cancel_reason = reason
        self.bury()

    def replace(self, asked: ReplaceAccepted, time: int, offset: int) -> None:
        for order in self._live():
            if order.order_id == asked.order_id and order.change is None:
                order.change, order.change_offset = asked, offset
                order.change_at = max(time + self.draw(offset, "replace"), order.active)

    def fill(self, order: Order, qty: int, price: int, rule: str, rate: int) -> None:
        fee = price * PRICE * qty * LOT * Fraction(rate, 1_000_000)
        self.fills.append(Fill(order.order_id, order.account, order.sign, qty, price, rule, fee))
        order.filled += qty
        order.state = "FILLED" if order.remaining == 0 else "PARTIALLY_FILLED"
        if order.first_fill < 0:
            order.first_fill = len(self.fills)
        entry = order.parent if order.parent is not None else order
        if entry.children and (order.parent is not None or entry.children[0].live):
            self._agree(entry)
        self._shrink(order)
        self._tell_group(order, qty)

    def _tell_group(self, order: Order, qty: int) -> None:
        if order.group:
            key = (order.account, order.group)
            self.group_filled[key] = self.group_filled.get(key, 0) + qty
            for other in sorted(self._live(), key=lambda o: o.rank):
                if other is not order and (other.account, other.group) == key:
                    self._give_way(other, qty)
        for child in sorted(self._live(), key=lambda o: o.rank):
            if child.opener is order and child.held:
                had_none = child.free == 0
                child.held -= min(child.held, qty)
                if child.state == "HELD":
                    self._arm(child)
                elif had_none:
                    self.fresh.append(child)

    def _give_way(self, order: Order, qty: int) -> None:
        if qty and (order.group_kind == "oco" or order.remaining <= qty):
            self.end(order, "CANCELLED", "GROUP_FILLED")
        else:
            order.qty -= qty

    def _arm(self, child: Order) -> None:
        child.state = "UNTRIGGERED" if child.stops else "WORKING"
        child.active = max(child.active, self.now)
        self.start(child)
        self.fresh.append(child)

    def _agree(self, entry: Order) -> None:
        """Both exits cover exactly what is open; nothing open ends everything."""
        if entry.open == 0:
            for order in (*entry.children, entry):
                if order.live:
                    self.end(order, "CANCELLED", "EXIT_COMPLETE")
            return
        for child in entry.children:
            if child.state == "HELD":
                self._arm(child)
            if child.live:
                child.qty = child.filled + entry.open

    def _shrink(self, order: Order) -> None:
        """What lies beyond the net position is taken from the newest bracket on the other side."""
        net = self.net(order.account)
        against = [
            o for o in self.orders
            if o.children and o.account == order.account and o.side != order.side
            and o.first_fill >= 0 and o.children[0].live
        ]  # fmt: skip
        against.sort(key=lambda o: -o.first_fill)
        excess = sum(o.open for o in against) - max(0, -order.sign * net)
        for entry in against:
            cut = min(entry.open, excess)
            if cut > 0:
                excess -= cut
                entry.shrunk += cut
                self._agree(entry)

    def end(self, order: Order, state: str, reason: str) -> None:
        order.state, order.reason = state, reason
        if order.children and order.filled == 0:
            for child in order.children:
                if child.live:
                    child.state, child.reason = "CANCELLED", "PARENT_ENDED"
        if order.protects and order.parent is not None:
            for other in (*order.parent.children, order.parent):
                if other.live:
                    other.state, other.reason = "CANCELLED", "EXIT_COMPLETE"

    def bury(self) -> None:
        """Children of ended parents keep what is armed; until nothing changes, since they may be parents too."""
        for child in self._live():
            if child.opener is None or child.opener.live:
                continue
            if child.free == 0:
                self.end(child, "CANCELLED", "PARENT_ENDED")
                self.bury()
                return
            child.qty, child.held = child.qty - child.held, 0

    def time_out(self) -> None:
        """Expiries, then cancels, whose time has come."""
        for order in sorted(self._live(), key=lambda o: (o.expire, o.rank)):
            if order.live and order.expire and order.expire <= self.now:
                if order.state in ("HELD", "TRIGGERED"):
                    self.end(order, "CANCELLED", "EXPIRED")
                else:
                    self.end(order, "EXPIRED", "")
        for order in sorted(self._live(), key=lambda o: (o.cancel_at or 0, o.rank)):
            if order.live and order.cancel_at is not None and order.cancel_at <= self.now:
                self.end(order, "CANCELLED", order.cancel_reason)

    def net(self, account: str) -> int:
        return sum(fill.sign * fill.qty for fill in self.fills if fill.account == account)

    def room(self, order: Order) -> int:
        if not order.reduce_only:
            return order.free
        return min(order.free, max(0, -order.sign * self.net(order.account)))

    def draw(self, offset: int, purpose: str) -> int:
        known = self.instrument
        low, high = known.latency_low_ms * 10**6, known.latency_high_ms * 10**6
        digest = sha256(f"0|orders.accepted|0|{offset}|{purpose}".encode()).hexdigest()
        return low + int(digest, 16) % (high - low + 1)

    def _live(self) -> list[Order]:
        return [order for order in self.orders if order.live]


def good(quote: Quote | None) -> bool:
    """A quote to match against."""
    if quote is None or quote.flags in ("stale", "late", "suspect"):
        return False
    return not (quote.bid and quote.ask and quote.bid > quote.ask)


def changed(order: Order, asked: ReplaceAccepted) -> dict[str, Any]:
    """The terms of an order after a replace; what its type does not have is left alone."""
    terms: dict[str, Any] = {
        "qty": asked.qty or order.qty,
        "protection": asked.protection or order.protection,
    }
    if order.limits and asked.price:
        terms["price"] = asked.price
    if order.type in ("stop", "stop_limit") and asked.stop_price:
        terms["stop"] = asked.stop_price
    if asked.qty and order.held:
        terms["held"] = max(0, order.held + asked.qty - order.qty)
    if order.type == "trailing_stop" and (asked.trail_ticks or asked.trail_bps):
        terms |= {"trail": asked.trail_ticks, "trail_bps": asked.trail_bps}
        if order.best:
            ticks = distance(asked.trail_ticks, asked.trail_bps, order.best)
            terms |= {"trail": ticks, "stop": behind(order, order.best, ticks)}
    return terms


def distance(ticks: int, bps: int, price: int) -> int:
    """Ticks of a trail, rounded up."""
    return ticks or ceil(Fraction(price * bps, 10_000))


def behind(order: Order, best: int, ticks: int) -> int:
    """The stop behind the best price seen."""
    return best + ticks if order.side == "buy" else max(1, best - ticks)
