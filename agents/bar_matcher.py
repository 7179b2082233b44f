"""Matching where bars are all that is known: of what one bar may have held, the worse for the account is assumed.

A stop comes before a take profit, an open beyond the stop fills at the open, a limit must be traded through. At most a
tenth of the volume fills. An entry that fills in a bar may be stopped in it, but not take profit.
"""

from agents import activation, matcher, protection, replacement, taking
from agents.execution import Execution
from agents.records import Deal
from streams.messages import Bar, Quote, Side
from tables import costs
from tables.book import SymbolBook
from tables.costs import Taking
from tables.ladder import Entry
from tables.matching import Depth
from tables.resting import RestingOrder

VOLUME_SHARE = 10
"""One part in so many of a bar's volume may fill."""


def on_bar(work: Execution, book: SymbolBook, bar: Bar) -> None:
    """Work through a bar; orders that were not active at its start wait for the next."""
    left = bar.volume // VOLUME_SHARE
    work.quote = Quote(
        bar.symbol, bar.open, bar.open, left, left, bar.start, bar.received, 0, bar.source
    )
    work.shown_at = bar.start
    work.bid = work.ask = Depth(bar.open, left, left)
    _Bar(work, book, bar, left).work_through()


class _Bar:
    """One bar under way. left: lots that may still fill; the book shows its open."""

    def __init__(self, work: Execution, book: SymbolBook, bar: Bar, left: int) -> None:
        self.work, self.book, self.bar, self.left = work, book, bar, left

    def work_through(self) -> None:
        """Replaces, arrivals, stops, market orders, limits, then trailing stops behind the bar's best."""
        work, book = self.work, self.book
        moved = replacement.settle(work, book)
        arrivals = self._active(book.ladder("arrival").reached(-work.shown_at))
        for order in arrivals:
            if order.is_stop:
                activation.wait(work, order)
        self._stops()
        waiting = self._active(sorted(book.takers))
        for order in sorted((*waiting, *arrivals), key=lambda order: order.rank):
            if order.type == "market":
                self._take(order.order_id, self.bar.open)
        limits = [order for order in (*arrivals, *waiting) if order.is_limit]
        for order in (*limits, *self._active(moved)):
            self._arrive(order.order_id)
        for side in matcher.SIDES:
            self._limits(side)
        self._trail()

    def _active(self, order_ids: list[str]) -> list[RestingOrder]:
        found = (self.work.exchange.orders.get(order_id) for order_id in order_ids)
        shown_at = self.work.shown_at
        return [order for order in found if order is not None and order.active_at <= shown_at]

    def _stops(self) -> None:
        """Stops that the bar reached, protective ones first; those set off earlier fill at the open."""
        book, bar = self.book, self.bar
        for kind in ("stop", "last"):
            reached = book.ladder(f"{kind} sell").reached(bar.low)
            reached += book.ladder(f"{kind} buy").reached(-bar.high)
            for order in self._active(reached):
                if order.stop_price:
                    taking.trigger(self.work, order)
        stops = [order for order in self._active(sorted(book.takers)) if order.is_stop]
        for order in sorted(stops, key=lambda order: (not order.is_protective, order.rank)):
            for live in self._active([order.order_id]):  # one that fills may end the next
                self._stop(live, self._reached_at(live))

    def _reached_at(self, order: RestingOrder) -> int:
        """The price at which the bar came to a stop: its open where that is beyond."""
        bar = self.bar
        if order.trigger_ref != self.work.cause:
            return bar.open
        return (
            min(bar.open, order.stop_price)
            if order.side == "sell"
            else max(bar.open, order.stop_price)
        )

    def _stop(self, order: RestingOrder, price: int) -> None:
        """Let a stop that was set off take at a price; one with a limit beyond it arrives with the limits."""
        if order.is_limit and order.sign * (order.price - price) < 0:
            return
        self._take(order.order_id, price)
        if order.is_protective:
            matcher.drop_entry(self.work, order)

    def _take(self, order_id: str, price: int) -> None:
        """Fill an order at a price of the bar, as far as volume goes."""
        work, order = self.work, self.work.exchange.orders.get(order_id)
        if order is None or not order.free:
            return
        if protection.is_crossed(work, order):
            protection.cancel(work, order, "STOP_CROSSED")
            return
        room = work.reducible(order)
        bounded = bool(order.worst) and order.sign * (price - order.worst) > 0
        qty = 0 if bounded else min(room, self.left)
        if order.tif == "FOK" and qty < order.free:
            protection.cancel(work, order, "REDUCE_ONLY" if room < order.free else "FOK_UNFILLED")
            return
        if qty:
            self._fill_taker(order, qty, price)
        live = work.exchange.orders.get(order_id)
        if live is not None:
            taking.rest(work, live, bounded)
        self._stop_out(order_id)

    def _fill_taker(self, order: RestingOrder, qty: int, price: int) -> None:
        displayed = max(1, self.bar.volume // VOLUME_SHARE)
        slippage = costs.slippage_ticks(self.work.instrument, Taking(price, 0, qty, displayed))
        paid = taking.slipped(order, price, slippage)
        rule = "STOP" if taking.is_set_off(order) else "TAKER"
        self._fill(order, qty, paid, rule, maker=False, slippage=abs(paid - price))

    def _fill(
        self,
        order: RestingOrder,
        qty: int,
        price: int,
        rule: str,
        *,
        maker: bool,
        slippage: int = 0,
    ) -> None:
        left, self.left = self.left, self.left - qty
        deal = Deal(qty, price, rule, maker, left, self.left, slippage=slippage)
        taking.settle(self.work, order, deal)

    def _arrive(self, order_id: str) -> None:
        """A limit at its activation: the open is what it meets."""
        order = self.work.exchange.orders.get(order_id)
        if order is None or order.state == "UNTRIGGERED":
            return
        if order.sign * (order.price - self.bar.open) >= 0 and not order.post_only:
            self._take(order_id, self.bar.open)
        else:
            taking.arrive(self.work, order)

    def _limits(self, side: Side) -> None:
        """Fill resting limits that the bar traded through, at their price."""
        reach = self.bar.low + 1 if side == "buy" else 1 - self.bar.high
        ladder = self.book.ladder(f"limit {side}")
        entry: Entry | None = None
        while self.left > 0 and (entry := ladder.after(entry, reach)) is not None:
            order = self.work.exchange.orders[entry[3]]
            if order.active_at > self.work.shown_at:
                continue
            self._make(order)

    def _make(self, order: RestingOrder) -> None:
        work = self.work
        qty = min(work.reducible(order), self.left)
        if not qty:
            protection.cancel(work, order, "REDUCE_ONLY")
            return
        self._fill(order, qty, order.price, "THROUGH_BAR", maker=True)
        self._stop_out(order.order_id)
        live = work.exchange.orders.get(order.order_id)
        if live is not None and live.free and work.reducible(live) == 0:
            protection.cancel(work, live, "REDUCE_ONLY")

    def _stop_out(self, entry_id: str) -> None:
        """Stop an entry out in its own bar, where that reached its stop."""
        work, bar = self.work, self.bar
        bracket = work.exchange.brackets.get(entry_id)
        stop = None if bracket is None else work.exchange.orders.get(bracket.stop_id)
        if stop is None or stop.state != "UNTRIGGERED" or not stop.stop_price:
            return
        reached = bar.low <= stop.stop_price if stop.side == "sell" else bar.high >= stop.stop_price
        if reached:
            stop = taking.trigger(work, stop)
            self._stop(stop, self._reached_at(stop))

    def _trail(self) -> None:
        """Trailing stops follow the bar's best, then meet its close."""
        book, bar = self.book, self.bar
        for kind in ("trail", "mid trail", "last trail"):
            reached = book.ladder(f"{kind} sell").reached(-bar.high)
            reached += book.ladder(f"{kind} buy").reached(bar.low)
            for order_id in reached:
                for order in self._active([order_id]):  # one that is stopped may end the next
                    self._follow(order)

    def _follow(self, order: RestingOrder) -> None:
        bar = self.bar
        activation.tighten(self.work, order, bar.high if order.side == "sell" else bar.low)
        tight = self.work.exchange.orders[order.order_id]
        if tight.sign * (bar.close - tight.stop_price) >= 0:
            self._stop(taking.trigger(self.work, tight), tight.stop_price)
