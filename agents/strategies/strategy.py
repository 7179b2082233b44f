"""The interface of a strategy: asked on predictions, its own fills and event time, it answers with orders.

A strategy is pure: what it answers follows from its arguments alone. It sees no account, no clock and no other symbol.
Between two questions it remembers what it returned as its memory, which is committed with the orders that it led to.

    @dataclass(frozen=True)
    class MyStrategy(Strategy[Memory]):
        threshold: float = 0.6          # set by --param threshold=0.7

        def on_prediction(self, prediction, memory, at):
            if not at.may_enter or prediction.served.p < self.threshold:
                return memory, ()
            return memory, [Order("buy", qty=1, stop_loss=prediction.bid - 100)]
"""

from collections.abc import Sequence
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

import msgspec

from agents.strategies.commands import Cancel, Order
from streams.instruments import Instrument
from streams.messages import Fill
from streams.predictions import Prediction


class Memory(msgspec.Struct, frozen=True, gc=False):
    """What a strategy remembers of one symbol; a child of it adds fields, each with a default.

    wake_at: the event time (ns) from which `on_timer` is wanted, once; 0 = not.
    """

    wake_at: int = 0


class Moment(NamedTuple):
    """What every question comes with. time: event time in ns.

    may_enter: whether the answer may hold entries. Not on an abstained prediction, nor while the symbol does not trade;
    orders that only reduce are always allowed. record_id, sent: what order ids are made of.
    """

    instrument: Instrument
    time: int
    may_enter: bool
    record_id: str
    sent: int = 0

    def order_id(self, number: int = 0) -> str:
        """The client_order_id of the answer's command of that number, from 0; for a later `Cancel`."""
        number += self.sent
        return f"{self.record_id}:{number}" if number else self.record_id


M = TypeVar("M", bound=Memory)
Answer = tuple[M, Sequence[Order | Cancel]]
"""The memory from now on, and what to send."""


class Strategy(Generic[M]):
    """Base of all strategies; each question left out changes nothing and sends nothing.

    An answer that raises, or that holds an order which no contract allows, has no effect: the record that led to it
    goes to `dead.letters` and the engine goes on.
    """

    memory: ClassVar[type[Any]] = Memory
    """The type that it remembers."""

    def on_prediction(self, prediction: Prediction, memory: M, at: Moment) -> Answer[M]:
        """A model's answer on one symbol; `prediction.served.p` is None where it abstains."""
        return memory, ()

    def on_fill(self, fill: Fill, memory: M, at: Moment) -> Answer[M]:
        """One of its own orders, or an exit of one, has filled. qty and price of a fill are decimal strings."""
        return memory, ()

    def on_timer(self, time: int, memory: M, at: Moment) -> Answer[M]:
        """Event time has reached `memory.wake_at`, which is 0 again. time: now, in ns."""
        return memory, ()
