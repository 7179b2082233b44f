"""Trades against a move that went too far from its own mean, and leaves by bracket or, at the latest, by the clock."""

import math
from dataclasses import dataclass

import msgspec

from agents.strategies.commands import Order
from agents.strategies.signal import SECOND_NS, lots
from agents.strategies.strategy import Answer, Memory, Moment, Strategy
from streams.messages import Fill, Side
from streams.predictions import Prediction


class Mean(Memory, frozen=True, gc=False):
    """mean, variance: of the mid in half ticks, weighted by age. since, last: event times (ns) of the first and last.

    entry: client_order_id of the last entry; side, lots: what it has open; leaving: its exit at market is under way.
    """

    mean: float = 0.0
    variance: float = 0.0
    since: int = 0
    last: int = 0
    entry: str = ""
    side: Side = "buy"
    lots: int = 0
    leaving: bool = False


@dataclass(frozen=True)
class Reversion(Strategy[Mean]):
    """Buys `entry` deviations below the mean, unless the model expects a fall; sells above it where `short` is set.

    The take-profit is the mean, the stop `stop` deviations further out; both at least `ticks_min` ticks away. What is
    open after `hold_s` is closed at market. half_life_s: of a mid's weight in the mean; twice that is seen first.
    """

    half_life_s: float = 30.0
    entry: float = 2.0
    stop: float = 2.0
    ticks_min: int = 10
    hold_s: float = 60.0
    notional: int = 1_000
    short: bool = False

    memory = Mean

    def on_prediction(self, prediction: Prediction, memory: Mean, at: Moment) -> Answer[Mean]:
        """Follow the mean; enter when nothing of the last entry can be open."""
        known = self._follow(memory, prediction)
        warm = known.last - known.since >= 2 * self.half_life_s * SECOND_NS
        if not at.may_enter or not warm or known.wake_at:
            return known, ()
        order = self._entry(prediction, known, at)
        if order is None:
            return known, ()
        entered = msgspec.structs.replace(
            known,
            wake_at=at.time + int(self.hold_s * SECOND_NS),
            entry=at.order_id(),
            side=order.side,
            lots=0,
            leaving=False,
        )
        return entered, [order]

    def on_fill(self, fill: Fill, memory: Mean, at: Moment) -> Answer[Mean]:
        """Count what the entry has open."""
        qty = at.instrument.qty_lots(fill.qty)
        if fill.client_order_id == memory.entry:
            return msgspec.structs.replace(memory, lots=memory.lots + qty), ()
        left = max(0, memory.lots - qty)
        wake_at = memory.wake_at if left else 0
        return msgspec.structs.replace(memory, lots=left, wake_at=wake_at), ()

    def on_timer(self, time: int, memory: Mean, at: Moment) -> Answer[Mean]:
        """Leave what is still open; if that did not fill in as long again, somebody else has closed it."""
        if memory.leaving or not memory.lots:
            return msgspec.structs.replace(memory, lots=0, leaving=False), ()
        wake_at = time + int(self.hold_s * SECOND_NS)
        left = msgspec.structs.replace(memory, leaving=True, wake_at=wake_at)
        side: Side = "sell" if memory.side == "buy" else "buy"
        return left, [Order(side, memory.lots, reduce_only=True)]

    def _follow(self, memory: Mean, prediction: Prediction) -> Mean:
        mid2, time = float(prediction.mid2), prediction.time
        if not memory.since:
            return msgspec.structs.replace(memory, mean=mid2, since=time, last=time)
        elapsed_s = max(0, time - memory.last) / SECOND_NS
        weight = 1 - 0.5 ** (elapsed_s / self.half_life_s)
        off = mid2 - memory.mean
        return msgspec.structs.replace(
            memory,
            mean=memory.mean + weight * off,
            variance=(1 - weight) * (memory.variance + weight * off * off),
            last=max(time, memory.last),
        )

    def _entry(self, prediction: Prediction, known: Mean, at: Moment) -> Order | None:
        deviation = math.sqrt(known.variance)
        off, p = prediction.mid2 - known.mean, prediction.served.p
        if p is None or abs(off) <= self.entry * deviation:
            return None
        buying = off < 0
        if p < 0.5 if buying else (p > 0.5 or not self.short):
            return None
        away = -1 if buying else 1
        stop = max(self.ticks_min, math.ceil(self.stop * deviation / 2))
        target = max(self.ticks_min, math.ceil(abs(off) / 2))
        stop_loss = prediction.mid2 // 2 + away * stop
        take_profit = prediction.mid2 // 2 - away * target
        qty = lots(self.notional, at.instrument, prediction.ask if buying else prediction.bid)
        if qty < at.instrument.min_qty or stop_loss <= 0 or take_profit <= 0:
            return None
        side: Side = "buy" if buying else "sell"
        return Order(side, qty, stop_loss=stop_loss, take_profit=take_profit)
