"""Strategies as a user would write them: good ones, and every way to do it wrong."""

from dataclasses import dataclass
from typing import Any

from agents.strategies import Answer, Cancel, Memory, Moment, Order, Strategy
from streams.messages import Fill
from streams.predictions import Prediction

MINUTE_NS = 60 * 10**9


class Counted(Memory, frozen=True, gc=False):
    """predictions, lots: what it has seen; resting: the id of its last limit order."""

    predictions: int = 0
    lots: int = 0
    resting: str = ""


@dataclass(frozen=True)
class Counter(Strategy[Counted]):
    """Rests one bid each prediction in place of the last, counts its fills, and leaves when a minute is over."""

    qty: int = 10_000
    below: int = 100

    memory = Counted

    def on_prediction(self, prediction: Prediction, memory: Counted, at: Moment) -> Answer[Counted]:
        counted = memory.predictions + 1
        if not at.may_enter:
            return Counted(memory.wake_at, counted, memory.lots, memory.resting), ()
        wake_at = memory.wake_at or at.time + MINUTE_NS
        bid = Order("buy", self.qty, type="limit", price=prediction.bid - self.below)
        cancels = [Cancel(memory.resting)] if memory.resting else []
        resting = at.order_id(len(cancels))
        return Counted(wake_at, counted, memory.lots, resting), [*cancels, bid]

    def on_fill(self, fill: Fill, memory: Counted, at: Moment) -> Answer[Counted]:
        lots = at.instrument.qty_lots(fill.qty) * (1 if fill.side == "buy" else -1)
        held = memory.lots + lots
        return Counted(memory.wake_at, memory.predictions, held, memory.resting), ()

    def on_timer(self, time: int, memory: Counted, at: Moment) -> Answer[Counted]:
        leave = [Order("sell", memory.lots, reduce_only=True)] if memory.lots else []
        return Counted(0, memory.predictions, memory.lots, ""), leave


class Silent(Strategy[Memory]):
    """Leaves every question out."""


@dataclass(frozen=True)
class Says(Strategy[Memory]):
    """Answers every prediction with what it was made with, right or wrong."""

    answer: Any = None

    def on_prediction(self, prediction: Prediction, memory: Memory, at: Moment) -> Answer[Memory]:
        return self.answer  # type: ignore[no-any-return]  # wrong on purpose


class Raises(Strategy[Memory]):
    """Fails on every question but the first abstain, which sets its timer."""

    def on_prediction(self, prediction: Prediction, memory: Memory, at: Moment) -> Answer[Memory]:
        if prediction.served.p is None:
            return Memory(at.time + 1), ()
        raise ZeroDivisionError("on_prediction")

    def on_timer(self, time: int, memory: Memory, at: Moment) -> Answer[Memory]:
        raise ZeroDivisionError("on_timer")


class NotOne:
    """No strategy at all."""
