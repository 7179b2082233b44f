"""Strategies for tests of replays: one that trades often, and one whose orders depend on all that it can see."""

import hashlib
from dataclasses import dataclass
from typing import Any

import msgspec

from agents.strategies import Answer, Moment, Order, Strategy
from agents.strategies.strategy import Memory
from streams.messages import Fill
from streams.predictions import Prediction


class Counted(Memory, frozen=True, gc=False):
    """Predictions seen so far, and a digest of all that was seen."""

    seen: int = 0
    digest: str = ""


@dataclass(frozen=True)
class Often(Strategy[Counted]):
    """Buys one in `every` predictions, bracketed by `ticks`."""

    every: int = 5
    ticks: int = 20
    memory = Counted

    def on_prediction(self, prediction: Prediction, memory: Counted, at: Moment) -> Answer[Counted]:
        """See `Strategy`."""
        after = msgspec.structs.replace(memory, seen=memory.seen + 1)
        if not at.may_enter or memory.seen % self.every or not prediction.bid:
            return after, ()
        order = Order(
            "buy",
            qty=max(1, at.instrument.min_qty) * 1000,
            stop_loss=prediction.bid - self.ticks,
            take_profit=prediction.ask + self.ticks,
        )
        return after, [order]


@dataclass(frozen=True)
class Peeking(Often):
    """As `Often`, but what it buys follows from a digest of everything that it is given or can reach from it."""

    def on_prediction(self, prediction: Prediction, memory: Counted, at: Moment) -> Answer[Counted]:
        """See `Strategy`."""
        digest = hashlib.sha256(f"{memory.digest}{_all(prediction)}{_all(at)}".encode()).hexdigest()
        after, orders = super().on_prediction(prediction, memory, at)
        after = msgspec.structs.replace(after, digest=digest)
        lots = 1000 + int(digest[:4], 16) % 1000
        return after, [
            msgspec.structs.replace(order, qty=lots) for order in orders if isinstance(order, Order)
        ]

    def on_fill(self, fill: Fill, memory: Counted, at: Moment) -> Answer[Counted]:
        """See `Strategy`."""
        digest = hashlib.sha256(f"{memory.digest}{_all(fill)}".encode()).hexdigest()
        return msgspec.structs.replace(memory, digest=digest), ()


def _all(of: Any) -> str:
    """Every attribute, public or not, that has a value and is no code."""
    names = [name for name in dir(of) if not name.startswith("__")]
    values = [(name, getattr(of, name, None)) for name in names]
    return repr([(name, value) for name, value in values if not callable(value)])
