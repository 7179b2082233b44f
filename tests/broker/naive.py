"""The slow twin of the exchange: lists, fractions and loops over everything, a literal reading of the rules.

It shares no code with the engine but the messages that come in. Symbol, tick and lot are those of the stage.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from hashlib import sha256

from streams.instruments import Instrument
from streams.messages import Accepted, Quote, Side, Trade

PRICE, LOT = Fraction(1, 10), Fraction(1, 1000)
ENDED = ("FILLED", "CANCELLED")


@dataclass
class Order:
    """One order; price and stop in ticks, 0 = none."""

    order_id: str
    account: str
    side: Side
    type: str
    tif: str
    qty: int
    price: int
    stop: int
    protection: int
    reduce_only: bool
    rates: tuple[int, int]
    active: int
    offset: int
    state: str = "ACCEPTED"
    filled: int = 0
    reason: str = ""
    cancel_at: int | None = None
    parent: "Order | None" = None
    children: "list[Order]" = field(default_factory=list)
    shrunk: int = 0
    first_fill: int = -1

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
    def open(self) -> int:
        """Of a bracket's entry: what its stop has to cover."""
        return self.filled - sum(child.filled for child in self.children) - self.shrunk


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


class NaiveExchange:
    """All orders of one symbol, live and ended, in the order in which they came."""

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.orders: list[Order] = []
        self.fills: list[Fill] = []
        self.quote: Quote | None = None
        self.clock = 0
        self.sides: dict[Side, Shown] = {}
        self.usable: set[Side] = set()
        self.now = 0
        self.fresh: list[Order] = []

    def draw(self, offset: int, purpose: str) -> int:
        known = self.instrument
        low, high = known.latency_low_ms * 10**6, known.latency_high_ms * 10**6
        digest = sha256(f"0|orders.accepted|0|{offset}|{purpose}".encode()).hexdigest()
        return low + int(digest, 16) % (high - low + 1)

    def accept(self, a: Accepted, clock: int, offset: int) -> None:
        order = Order(
            a.order_id, a.account, a.side, a.type, a.tif, a.qty, a.price, a.stop_price,
            a.protection, a.reduce_only, (a.maker_rate, a.taker_rate),
            max(clock, a.time) + self.draw(offset, "order"), offset,
        )  # fmt: skip
        self.orders.append(order)
        if a.stop_loss:
            self._child(order, "stop", "sl", stop=a.stop_loss)
        if a.take_profit:
            self._child(order, "limit", "tp", price=a.take_profit)

    def _child(self, parent: Order, type_: str, name: str, price: int = 0, stop: int = 0) -> None:
        side: Side = "sell" if parent.side == "buy" else "buy"
        child = Order(
            f"{parent.order_id}/{name}", parent.account, side, type_, "GTC", parent.qty, price, stop,
            0, True, parent.rates, 0, parent.offset, "HELD", parent=parent,
        )  # fmt: skip
        parent.children.append(child)
        self.orders.append(child)

    def cancel(self, order_id: str, reason: str, time: int, offset: int) -> None:
        self.now = time
        for order in self._live():
            if order.order_id != order_id or self._is_protective(order):
                continue
            if reason == "KILLED":
                self._end(order, "KILLED")
            elif order.cancel_at is None:
                order.cancel_at = max(time + self.draw(offset, "cancel"), order.active)
                order.reason = reason

    def on_quote(self, q: Quote) -> None:
        self.now, self.fresh, self.usable = q.time, [], set()
        late = q.time < self.clock
        if not late or self.quote is None or q.sequence > self.quote.sequence:
            self.quote = q
        self.clock = max(self.clock, q.time)
        self._cancels()
        if late or not self._is_good(q):
            return
        sides: list[Side] = ["buy", "sell"]
        shown = [(q.ask, q.ask_size), (q.bid, q.bid_size)]
        for side, (price, size) in zip(sides, shown, strict=True):
            if not price or not size:
                continue
            self.usable.add(side)
            if side in self.sides and self.sides[side].price == price:
                self.sides[side].show(size)
            else:
                self.sides[side] = Shown(price, size)
        self._work()

    def _work(self) -> None:
        new = [o for o in self._live() if o.state == "ACCEPTED" and self._may(o)]
        for order in new:
            if order.type == "stop":
                order.state = "UNTRIGGERED"
        for order in self._live():
            if order.state == "UNTRIGGERED" and self._may(order) and self._reached(order):
                order.state = "TRIGGERED"
        self._stops()
        for order in sorted(self._live(), key=self._rank):
            if order.type == "market" and order.live and self._may(order):
                self._take(order)
        self._limits("buy", new)
        self._limits("sell", new)
        for order in self.fresh:
            if order.live and self._may(order) and self._marketable(order):
                self._take(order)

    def _stops(self) -> None:
        working = ("TRIGGERED", "PARTIALLY_FILLED")
        stops = [o for o in self._live() if o.type == "stop" and o.state in working]
        for order in sorted(stops, key=lambda o: (not self._is_protective(o), self._rank(o))):
            if order.live and self._may(order):
                self._take(order)
                if order.parent is not None and order.parent.live:
                    self._end(order.parent, "STOP_CROSSED")

    def _limits(self, side: Side, new: list[Order]) -> None:
        limits = [o for o in self._live() if o.type == "limit" and o.side == side and self._may(o)]
        limits.sort(key=lambda o: (-o.sign * o.price, self._rank(o)))
        for order in limits:
            if order.live and order.state != "HELD" and order not in self.fresh:
                self._limit(order, order in new)

    def _limit(self, order: Order, arrives: bool) -> None:
        if arrives and self._marketable(order):
            self._take(order)
        elif arrives and self._crossed(order):
            self._end(order, "STOP_CROSSED")
        elif arrives and order.tif != "GTC":
            self._end(order, "IOC_REST" if order.tif == "IOC" else "FOK_UNFILLED")
        elif arrives:
            order.state = "WORKING"
        elif self._marketable(order) and self.sides[order.side].left:
            side = self.sides[order.side]
            side.left -= self._make(order, side.left, "THROUGH_QUOTE")

    def on_trade(self, t: Trade) -> None:
        self.now, self.fresh, self.usable = t.time, [], set()
        self._cancels()
        quote = self.quote
        if quote is None or not self._is_good(quote):
            return
        if t.time - self.clock > self.instrument.stale_ms * 10**6:
            return
        left = t.size
        resting = [
            o for o in self._live() if o.type == "limit" and o.state not in ("ACCEPTED", "HELD")
        ]
        resting.sort(key=lambda o: (o.sign < 0, -o.sign * o.price, self._rank(o)))
        for order in resting:
            through = order.sign * (order.price - t.price) > 0
            if left and order.live and through and order.active <= t.time:
                left -= self._make(order, left, "THROUGH_TRADE")

    def _make(self, order: Order, left: int, rule: str) -> int:
        qty = min(left, self._room(order))
        if qty == 0:
            self._end(order, "REDUCE_ONLY")
            return 0
        self._fill(order, qty, order.price, rule, order.rates[0])
        if self._crossed(order):
            stop = order.children[0]
            if order.live:
                self._end(order, "STOP_CROSSED")
            if stop.state == "UNTRIGGERED":
                stop.state = "TRIGGERED"
            if self._may(stop):
                self._take(stop)
        if order.live and self._room(order) == 0:
            self._end(order, "REDUCE_ONLY")
        return qty

    def _take(self, order: Order) -> None:
        if self._crossed(order):
            self._end(order, "STOP_CROSSED")
            return
        side, room = self.sides[order.side], self._room(order)
        plan, bounded = self._plan(order, room)
        if order.tif == "FOK" and sum(qty for _, qty, _ in plan) < order.remaining:
            self._end(order, "REDUCE_ONLY" if room < order.remaining else "FOK_UNFILLED")
            return
        for j, qty, price in plan:
            if not order.live:
                return
            qty = min(qty, self._room(order))
            if j:
                side.walked += qty
            else:
                side.left -= qty
            rule = "WALK" if j else "STOP" if order.type == "stop" else "TAKER"
            self._fill(order, qty, price, rule, order.rates[1])
        if order.live:
            self._rest(order, bounded)

    def _plan(self, order: Order, wanted: int) -> tuple[list[tuple[int, int, int]], bool]:
        """(block, lots, price) of what would fill, and whether the worst price ended it."""
        side = self.sides[order.side]
        plan: list[tuple[int, int, int]] = []
        worst = order.price if order.type == "limit" else order.protection
        for j, there in enumerate(side.blocks()):
            price = side.price + j * order.sign
            if not wanted or price <= 0:
                break
            if worst and (price - worst) * order.sign > 0:
                return plan, True
            if there:
                plan.append((j, min(there, wanted), price))
                wanted -= min(there, wanted)
        return plan, False

    def _rest(self, order: Order, bounded: bool) -> None:
        if self._room(order) == 0:
            self._end(order, "REDUCE_ONLY")
        elif bounded and order.type != "limit":
            self._end(order, "PROTECTION")
        elif order.tif == "IOC":
            self._end(order, "IOC_REST")
        elif order.state == "ACCEPTED":
            order.state = "WORKING"

    def _fill(self, order: Order, qty: int, price: int, rule: str, rate: int) -> None:
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

    def _agree(self, entry: Order) -> None:
        """Both exits cover exactly what is open; nothing open ends everything."""
        if entry.open == 0:
            for order in (*entry.children, entry):
                if order.live:
                    self._end(order, "EXIT_COMPLETE")
            return
        for child in entry.children:
            if child.state == "HELD":
                child.state = "UNTRIGGERED" if child.type == "stop" else "WORKING"
                child.active = self.now
                if child.type == "limit":
                    self.fresh.append(child)
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

    def _end(self, order: Order, reason: str) -> None:
        order.state, order.reason = "CANCELLED", reason
        if order.children and order.filled == 0:
            for child in order.children:
                if child.live:
                    child.state, child.reason = "CANCELLED", "PARENT_ENDED"
        if self._is_protective(order) and order.parent is not None:
            for other in (*order.parent.children, order.parent):
                if other.live:
                    other.state, other.reason = "CANCELLED", "EXIT_COMPLETE"

    def _cancels(self) -> None:
        for order in sorted(self._live(), key=lambda o: (o.cancel_at or 0, self._rank(o))):
            if order.live and order.cancel_at is not None and order.cancel_at <= self.now:
                self._end(order, order.reason)

    def net(self, account: str) -> int:
        return sum(fill.sign * fill.qty for fill in self.fills if fill.account == account)

    def _live(self) -> list[Order]:
        return [order for order in self.orders if order.live]

    def _may(self, order: Order) -> bool:
        return order.active <= self.now and order.side in self.usable and order.state != "HELD"

    def _room(self, order: Order) -> int:
        if not order.reduce_only:
            return order.remaining
        return min(order.remaining, max(0, -order.sign * self.net(order.account)))

    def _marketable(self, order: Order) -> bool:
        return order.sign * (order.price - self.sides[order.side].price) >= 0

    def _reached(self, order: Order) -> bool:
        return order.sign * (self.sides[order.side].price - order.stop) >= 0

    def _crossed(self, order: Order) -> bool:
        """Would the stop of this entry trigger on the standing book?"""
        if not order.children or self.quote is None:
            return False
        stop, quote = order.children[0], self.quote
        if stop.side == "sell":
            return bool(quote.bid and quote.bid_size) and quote.bid <= stop.stop
        return bool(quote.ask and quote.ask_size) and quote.ask >= stop.stop

    @staticmethod
    def _is_good(quote: Quote) -> bool:
        return quote.flags != "stale" and not (quote.bid and quote.ask and quote.bid > quote.ask)

    @staticmethod
    def _is_protective(order: Order) -> bool:
        return order.parent is not None and order.type == "stop"

    @staticmethod
    def _rank(order: Order) -> tuple[int, int, str]:
        return (order.active, order.offset, order.order_id)
