"""The market side of the slow twin: what a quote and a trade do to its orders, by loops over all of them."""

from copy import copy
from fractions import Fraction
from math import ceil, floor

from streams.instruments import Instrument
from streams.messages import Quote, Side, Trade
from tests.broker.naive import NaiveOrders, Order, Shown, behind, changed, distance, good


class NaiveExchange(NaiveOrders):
    """The whole twin."""

    def __init__(self, instrument: Instrument) -> None:
        super().__init__(instrument)
        self.quote: Quote | None = None
        self.clock = 0
        self.sides: dict[Side, Shown] = {}
        self.usable: set[Side] = set()
        self.shown_at = 0
        self.trade: Trade | None = None
        self.records = 0

    def on_quote(self, q: Quote) -> None:
        self._begin(q.time, None)
        late = q.time < self.clock
        if not late or self.quote is None or q.sequence > self.quote.sequence:
            self.quote = q
        self.clock = max(self.clock, q.time)
        self.time_out()
        if not late and good(q):
            self._show(q)
            self._work()
        self.bury()

    def on_trade(self, t: Trade) -> None:
        self._begin(t.time, t)
        self.time_out()
        fresh = t.time - self.clock <= self.instrument.stale_ms * 10**6
        if self.quote is not None and good(self.quote) and fresh and not t.flags:
            before = {side: copy(shown) for side, shown in self.sides.items()}
            self._show(self.quote)
            seen = {side: (shown.left, shown.walked) for side, shown in self.sides.items()}
            self._work_trade(t)
            for side, shown in self.sides.items():  # a trade shows no book that could renew a size
                if (shown.left, shown.walked) == seen[side] and side in before:
                    self.sides[side] = before[side]
        self.bury()

    def _begin(self, time: int, trade: Trade | None) -> None:
        self.now, self.fresh, self.usable, self.trade = time, [], set(), trade
        self.records += 1

    def _show(self, q: Quote) -> None:
        self.shown_at = min(q.time, self.now)
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

    def _work(self) -> None:
        moved = self._replaces()
        new = [o for o in self._live() if o.state == "ACCEPTED" and self._may(o)]
        for order in new:
            if order.stops:
                order.state = "UNTRIGGERED"
                self.start(order)
        self._trigger()
        for order in self._live():
            if order.type == "trailing_stop" and order.state == "UNTRIGGERED" and self._may(order):
                self._tighten(order, self._watched(order) if order.trigger != "trade" else 0)
        self._stops([o for o in self._live() if o.state in ("TRIGGERED", "PARTIALLY_FILLED")])
        for order in sorted(self._live(), key=lambda o: o.rank):
            waits = order.type == "market" and order not in self.fresh
            if waits and order.live and self._may(order) and order.free:
                self._take(order)
        arriving = [*new, *moved, *[o for o in self._live() if o.state == "TRIGGERED"]]
        self._limits("buy", arriving)
        self._limits("sell", arriving)
        self._alive()
        self._queues()

    def _work_trade(self, t: Trade) -> None:
        set_off = self._trigger()
        for order in self._live():
            trails = order.type == "trailing_stop" and order.trigger == "trade"
            if trails and order.state == "UNTRIGGERED" and order.active <= self.now:
                self._tighten(order, t.price)
        self._stops(set_off)
        for order in sorted(set_off, key=lambda o: (not o.protects, o.rank)):
            if order.live and order.limits and self._may(order):
                self._arrive(order)
        used = 0
        resting = [o for o in self._live() if o.limits]
        resting.sort(key=lambda o: (o.sign < 0, -o.sign * o.price, o.rank))
        for order in resting:
            works = order.live and order.state in ("WORKING", "PARTIALLY_FILLED")
            if works and order.free and order.active <= t.time and order not in self.fresh:
                used += self._trade_at(order, t, used)
        self._alive()

    def _trade_at(self, order: Order, t: Trade, used: int) -> int:
        model, beyond = self.instrument.queue, order.sign * (order.price - t.price)
        if beyond > 0:
            order.queue = 0
            return self._make(order, t.size - used, "THROUGH_TRADE") if t.size > used else 0
        if beyond < 0 or model == "never" or t.side == order.side:
            return 0
        if model == "always":
            return self._make(order, t.size - used, "TOUCH") if t.size > used else 0
        if not t.side or order.queue is None:
            return 0
        left = t.size - order.queue - used
        order.queue = max(0, order.queue - t.size)
        return self._make(order, left, "QUEUE") if left > 0 else 0

    def _replaces(self) -> list[Order]:
        moved = []
        due = [o for o in self._live() if o.change is not None and o.change_at <= self.shown_at]
        for order in sorted(due, key=lambda o: (o.change_at, o.change_offset)):
            if order.live and order.side in self.usable and self._replaced(order):
                moved.append(order)
        return moved

    def _replaced(self, order: Order) -> bool:
        asked, order.change = order.change, None
        assert asked is not None
        if order.parent is not None and asked.qty and asked.qty != order.qty:
            return False
        terms = changed(order, asked)
        before = {name: getattr(order, name) for name in terms}
        bigger = terms["qty"] > order.qty
        moves = bigger or any(terms[n] != before[n] for n in terms if n not in ("qty", "held"))
        self._set(order, terms)
        works = order.state in ("WORKING", "PARTIALLY_FILLED")
        crossed = order.protects and order.state != "HELD" and self._reached(order)
        takes = order.post_only and works and self._marketable(order)
        if crossed or takes:
            self._set(order, before)
        elif asked.qty and asked.qty <= order.filled:
            self._set(order, before)
            self.end(order, "CANCELLED", "REPLACED")
        elif moves and order.state != "HELD":
            order.active, order.offset = order.change_at, order.change_offset
            return works and order.limits
        return False

    @staticmethod
    def _set(order: Order, terms: dict[str, int]) -> None:
        for name, value in terms.items():
            setattr(order, name, value)

    def _trigger(self) -> list[Order]:
        found = []
        for order in self._live():
            waits = order.state == "UNTRIGGERED" and order.active <= self.now
            if self.trade is not None and order.trigger != "trade":
                continue  # stops by quote and by mark look at quotes alone
            if waits and self._reached(order):
                order.state, order.set_off = "TRIGGERED", self.records
                found.append(order)
        return found

    def _stops(self, orders: list[Order]) -> None:
        for order in sorted(orders, key=lambda o: (not o.protects, o.rank)):
            sells_out = order.stops and not order.limits
            if sells_out and order.live and self._may(order) and order.free:
                self._take(order)
                if order.parent is not None and order.parent.live:
                    self.end(order.parent, "CANCELLED", "STOP_CROSSED")

    def _limits(self, side: Side, arriving: list[Order]) -> None:
        limits = [o for o in self._live() if o.limits and o.side == side and self._may(o)]
        limits.sort(key=lambda o: (-o.sign * o.price, o.rank))
        for order in limits:
            waits = order.state in ("HELD", "UNTRIGGERED") or order in self.fresh
            if not order.live or waits or not order.free:
                continue
            shown = self.sides[side]
            if order in arriving:
                self._arrive(order)
            elif self._marketable(order) and shown.left:
                shown.left -= self._make(order, shown.left, "THROUGH_QUOTE")

    def _arrive(self, order: Order) -> None:
        if self._marketable(order) and order.post_only:
            fresh = order.state == "ACCEPTED" and not order.filled
            self.end(order, "REJECTED" if fresh else "CANCELLED", "POST_ONLY_WOULD_TAKE")
        elif self._marketable(order):
            self._take(order)
        elif self._crossed(order):
            self.end(order, "CANCELLED", "STOP_CROSSED")
        elif order.tif in ("IOC", "FOK"):
            reason = "IOC_REST" if order.tif == "IOC" else "FOK_UNFILLED"
            self.end(order, "CANCELLED", reason)
        else:
            self._stay(order)

    def _stay(self, order: Order) -> None:
        if order.limits:
            self._join(order)
        if order.state == "ACCEPTED" or (order.state == "TRIGGERED" and order.limits):
            order.state = "WORKING"

    def _alive(self) -> None:
        for order in self.fresh:
            if not order.live or not self._may(order):
                continue
            if order.state == "UNTRIGGERED" and order.parent is None and self._reached(order):
                order.state, order.set_off = "TRIGGERED", self.records
            if order.state == "UNTRIGGERED":
                continue
            if not order.limits:
                if order.free:
                    self._take(order)
            elif (
                self._marketable(order) or order.tif in ("IOC", "FOK") or order.state == "TRIGGERED"
            ):
                self._arrive(order)

    def _make(self, order: Order, left: int, rule: str) -> int:
        qty = min(left, self.room(order))
        if qty == 0:
            self.end(order, "CANCELLED", "REDUCE_ONLY")
            return 0
        self.fill(order, qty, order.price, rule, order.rates[0])
        if self._crossed(order):
            stop = order.children[0]
            if order.live:
                self.end(order, "CANCELLED", "STOP_CROSSED")
            if stop.state == "UNTRIGGERED":
                stop.state, stop.set_off = "TRIGGERED", self.records
            if self._may(stop):
                self._take(stop)
        if order.live and order.free and self.room(order) == 0:
            self.end(order, "CANCELLED", "REDUCE_ONLY")
        return qty

    def _take(self, order: Order) -> None:
        if self._crossed(order):
            self.end(order, "CANCELLED", "STOP_CROSSED")
            return
        side, room = self.sides[order.side], self.room(order)
        plan, bounded = self._plan(order, room)
        if order.tif == "FOK" and sum(qty for _, qty, _ in plan) < order.free:
            reason = "REDUCE_ONLY" if room < order.free else "FOK_UNFILLED"
            self.end(order, "CANCELLED", reason)
            return
        slip = self._slippage(order, room)
        for j, qty, price in plan:
            if not order.live:
                return
            qty = min(qty, self.room(order))
            if j:
                side.walked += qty
            else:
                side.left -= qty
            sells_out = order.stops and not order.limits
            rule = "WALK" if j else "STOP" if sells_out else "TAKER"
            self.fill(order, qty, self._worse(order, price, slip), rule, order.rates[1])
        if order.live and order.free:
            self._rest(order, bounded)

    def _worse(self, order: Order, price: int, slip: int) -> int:
        worse = max(1, price + order.sign * slip)
        if order.worst and order.sign * (worse - order.worst) > 0:
            return order.worst
        return worse

    def _slippage(self, order: Order, qty: int) -> int:
        known, side = self.instrument, self.sides[order.side]
        base = Fraction(known.slippage_bps * side.price, 10_000)
        exact = Fraction(0)
        if known.slippage == "fixed_bps":
            exact = base
        elif known.slippage == "spread_vol":
            both = self.usable == {"buy", "sell"}
            spread = self.sides["buy"].price - self.sides["sell"].price if both else 0
            volatility = Fraction(known.slippage_volatility_bps * side.price, 10_000)
            exact = base + Fraction(spread, 2) + volatility
        elif known.slippage == "impact":
            exact = base * (1 + min(Fraction(qty, side.size), Fraction(5)))
        return ceil(exact)

    def _plan(self, order: Order, wanted: int) -> tuple[list[tuple[int, int, int]], bool]:
        """(block, lots, price) of what would fill, and whether the worst price ended it."""
        side = self.sides[order.side]
        plan: list[tuple[int, int, int]] = []
        by_trade = self.trade is not None and order.trigger == "trade" and not order.limits
        for j, there in enumerate(side.blocks()):
            price = side.price + j * order.sign
            if by_trade and order.set_off == self.records and self.trade is not None:
                worse: tuple[int, int] = (price, self.trade.price)
                price = max(worse) if order.side == "buy" else min(worse)
            if not wanted or price <= 0:
                break
            if order.worst and (price - order.worst) * order.sign > 0:
                return plan, True
            if there:
                plan.append((j, min(there, wanted), price))
                wanted -= min(there, wanted)
        return plan, False

    def _rest(self, order: Order, bounded: bool) -> None:
        if self.room(order) == 0:
            self.end(order, "CANCELLED", "REDUCE_ONLY")
        elif bounded and not order.limits:
            self.end(order, "CANCELLED", "PROTECTION")
        elif order.tif == "IOC":
            self.end(order, "CANCELLED", "IOC_REST")
        else:
            self._stay(order)

    def start(self, order: Order) -> None:
        if order.type == "trailing_stop":
            self._tighten(order, self._watched(order))
        elif order.type == "limit":
            self._join(order)

    def _watched(self, order: Order) -> int:
        assert self.quote is not None
        bid = self.quote.bid if self.quote.bid_size else 0
        ask = self.quote.ask if self.quote.ask_size else 0
        if order.trigger == "mark":
            mid = Fraction(bid + ask, 2) if bid and ask else Fraction(0)
            return floor(mid) if order.side == "sell" else ceil(mid)
        return ask if order.side == "buy" else bid

    def _tighten(self, order: Order, price: int) -> None:
        better = price < order.best if order.side == "buy" else price > order.best
        if price and (better or not order.best):
            order.best, order.trail = price, distance(order.trail, order.trail_bps, price)
            order.stop = behind(order, price, order.trail)

    def _join(self, order: Order) -> None:
        """What is shown at the order's price on its own side is ahead of it."""
        quote = self.quote
        assert quote is not None
        buys = order.side == "buy"
        best, size = (quote.bid, quote.bid_size) if buys else (quote.ask, quote.ask_size)
        improves = not best or (order.price > best if buys else order.price < best)
        order.queue = size if order.price == best else 0 if improves else None
        if self.instrument.queue != "queue":
            order.queue = 0

    def _queues(self) -> None:
        for order in self._live():
            works = order.state in ("WORKING", "PARTIALLY_FILLED") and order.limits and order.free
            other: Side = "sell" if order.side == "buy" else "buy"
            if not works or order.queue == 0 or order.active > self.now or other not in self.usable:
                continue
            before = order.queue
            self._join(order)
            if before is not None:
                order.queue = before if order.queue is None else min(before, order.queue)

    def _may(self, order: Order) -> bool:
        shown = order.side in self.usable and order.active <= self.shown_at
        return shown and order.state != "HELD"

    def _marketable(self, order: Order) -> bool:
        return order.sign * (order.price - self.sides[order.side].price) >= 0

    def _reached(self, order: Order) -> bool:
        """Does this record set the stop off?"""
        if not order.stop:
            return False
        if order.trigger == "trade":
            return self.trade is not None and order.sign * (self.trade.price - order.stop) >= 0
        quote = self.quote
        if quote is None:
            return False
        bid, ask = quote.bid if quote.bid_size else 0, quote.ask if quote.ask_size else 0
        if order.trigger == "mark":
            mid = Fraction(bid + ask, 2) if bid and ask else None
            return mid is not None and order.sign * (mid - order.stop) >= 0
        seen = bid if order.side == "sell" else ask
        return bool(seen) and order.sign * (seen - order.stop) >= 0

    def _crossed(self, order: Order) -> bool:
        """Would the stop of this entry trigger on this record?"""
        stop = order.children[0] if order.children else None
        return stop is not None and stop.live and self._reached(stop)
