"""Strategies by name: pure functions of a prediction and of what they remembered about its symbol.

To add one: write a callable that satisfies `Strategy`, and enter it in `STRATEGIES`. It sees no account, no clock and
no other symbol; what it wants to remember between predictions it returns, and it is kept in a table, committed with
the order that it led to.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from streams import money
from streams.instruments import Instrument
from streams.messages import Prediction, Side

SECOND_NS = 1_000_000_000

Memory = Mapping[str, int]
"""What a strategy remembers about one symbol: named integers."""


class Intent(NamedTuple):
    """An entry at market with its bracket. qty: lots; stop_loss, take_profit: ticks."""

    side: Side
    qty: int
    stop_loss: int
    take_profit: int


class Strategy(Protocol):
    """Decides on each prediction. It opens nothing on an abstain; exits are the bracket's."""

    def __call__(
        self, prediction: Prediction, instrument: Instrument, memory: Memory
    ) -> tuple[Intent | None, Memory]:
        """The order to send, if any (one prediction makes one order at most), and the memory from now on."""


@dataclass(frozen=True)
class Signal:
    """Buys when the served probability is high; sells when it is low, for accounts that may be short.

    notional: of an entry, in units of the quote currency, floored to whole lots. The bracket stands `stop` and `target`
    horizon volatilities from the mid, at least `ticks_min`. cooldown_ns: one entry a symbol in such a time at most; it
    stands for one open bracket a symbol.
    """

    theta_long: float = 0.55
    theta_short: float = 0.45
    short: bool = False
    notional: int = 1_000
    stop: float = 2.0
    target: float = 3.0
    ticks_min: int = 10
    cooldown_ns: int = 5 * SECOND_NS

    def __call__(
        self, prediction: Prediction, instrument: Instrument, memory: Memory
    ) -> tuple[Intent | None, Memory]:
        """See `Strategy`."""
        side = self._side(prediction.served.p)
        if side is None or prediction.time < memory.get("quiet_until", 0):
            return None, memory
        qty = self._qty(instrument, prediction.ask if side == "buy" else prediction.bid)
        intent = self._bracketed(side, qty, prediction)
        if qty < instrument.min_qty or intent.stop_loss <= 0 or intent.take_profit <= 0:
            return None, memory
        return intent, {"quiet_until": prediction.time + self.cooldown_ns}

    def _side(self, p: float | None) -> Side | None:
        if p is None:
            return None
        if p >= self.theta_long:
            return "buy"
        return "sell" if self.short and p <= self.theta_short else None

    def _qty(self, instrument: Instrument, price: int) -> int:
        lots = self.notional * money.UNIT // instrument.notional(price, 1)
        return min(lots, instrument.max_qty)

    def _bracketed(self, side: Side, qty: int, prediction: Prediction) -> Intent:
        mid2 = prediction.mid2
        volatility = mid2 / 2 * prediction.volatility_bps / 10_000
        stop = max(self.ticks_min, math.ceil(self.stop * volatility))
        target = max(self.ticks_min, math.ceil(self.target * volatility))
        below, above = mid2 // 2, (mid2 + 1) // 2
        if side == "buy":
            return Intent(side, qty, below - stop, above + target)
        return Intent(side, qty, above + stop, below - target)


STRATEGIES: dict[str, Callable[[], Strategy]] = {"signal": Signal}
"""The shipped strategies with their default parameters."""
