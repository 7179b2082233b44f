"""Trades what the model says: buys where it expects a rise, with a bracket as wide as the symbol moves."""

import math
from dataclasses import dataclass

from agents.strategies.commands import Order
from agents.strategies.strategy import Answer, Memory, Moment, Strategy
from streams import money
from streams.instruments import Instrument
from streams.messages import Side
from streams.predictions import Prediction

SECOND_NS = 1_000_000_000


class Cooldown(Memory, frozen=True, gc=False):
    """quiet_until: no entry before this event time (ns)."""

    quiet_until: int = 0


@dataclass(frozen=True)
class Signal(Strategy[Cooldown]):
    """Buys when the served probability is high; sells when it is low, for accounts that may be short.

    notional: of an entry, in units of the quote currency, floored to whole lots. The bracket stands `stop` and `target`
    horizon volatilities from the mid, at least `ticks_min`. cooldown_s: one entry a symbol in such a time at most.
    """

    theta_long: float = 0.55
    theta_short: float = 0.45
    short: bool = False
    notional: int = 1_000
    stop: float = 2.0
    target: float = 3.0
    ticks_min: int = 10
    cooldown_s: float = 5.0

    memory = Cooldown

    def on_prediction(
        self, prediction: Prediction, memory: Cooldown, at: Moment
    ) -> Answer[Cooldown]:
        """One entry at most; its exits are the bracket's."""
        side = self._side(prediction.served.p)
        if side is None or not at.may_enter or prediction.time < memory.quiet_until:
            return memory, ()
        order = self._bracketed(side, prediction, at.instrument)
        if order is None:
            return memory, ()
        return Cooldown(quiet_until=prediction.time + int(self.cooldown_s * SECOND_NS)), [order]

    def _side(self, p: float | None) -> Side | None:
        if p is None:
            return None
        if p >= self.theta_long:
            return "buy"
        return "sell" if self.short and p <= self.theta_short else None

    def _bracketed(
        self, side: Side, prediction: Prediction, instrument: Instrument
    ) -> Order | None:
        """The entry; None where it would be too small, or an exit would stand at no price."""
        mid2 = prediction.mid2
        volatility = mid2 / 2 * prediction.volatility_bps / 10_000
        stop = max(self.ticks_min, math.ceil(self.stop * volatility))
        target = max(self.ticks_min, math.ceil(self.target * volatility))
        below, above = mid2 // 2, (mid2 + 1) // 2
        if side == "buy":
            price, stop_loss, take_profit = prediction.ask, below - stop, above + target
        else:
            price, stop_loss, take_profit = prediction.bid, above + stop, below - target
        qty = lots(self.notional, instrument, price)
        if qty < instrument.min_qty or stop_loss <= 0 or take_profit <= 0:
            return None
        return Order(side, qty, stop_loss=stop_loss, take_profit=take_profit)


def lots(notional: int, instrument: Instrument, price: int) -> int:
    """Whole lots that so many units of the quote currency buy at a price in ticks; 0 at no price."""
    if price <= 0:
        return 0
    return min(notional * money.UNIT // instrument.notional(price, 1), instrument.max_qty)
