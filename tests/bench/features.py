"""P10: what an event costs the features of its symbol, early and after a million, and what a vector costs.

CPU time of `models.micro` and `models.features` alone, at the pace of the recorded market data.
"""

import gc
import time

from models import features, micro, vpin
from models.micro import Micro
from streams.messages import Quote, Trade
from tests.bench.context import Context
from tests.bench.market import ticks
from tests.bench.row import Line, Row

EARLY, LATE = 10_000, 1_000_000
SMOKE_PART = 100
MEASURED = 10_000
TURNS = 5
"""The quickest of so many measures in a row counts: the others were disturbed."""

STEP = 10_000_000
"""Event time between ticks in ns: a hundred a second, so that all windows speak after the first events."""

TRADE_SHARE = 0.2
BUCKET = 5_000
VECTORS = 2_000
NS = 1e9
GOAL = "<= 1.1 x the cost after few"


def run(context: Context) -> Row:
    """Measures every line once a round."""
    late = LATE // SMOKE_PART if context.smoke else LATE
    lines = [
        Line(f"event after {EARLY:,}", "ns"),
        Line(f"event after {late:,}", "ns", goal=GOAL),
        Line("vector", "ns"),
    ]
    lines[1].yardstick = lines[0].name
    for turn in range(context.rounds):
        context.say(f"P10: round {turn + 1} of {context.rounds}")
        walk = _Walk()
        walk.go(EARLY)
        lines[0].values.append(walk.cost_ns())
        walk.go(late - walk.events)
        lines[1].values.append(walk.cost_ns())
        lines[2].values.append(_vector_ns(walk.sums))
    notes = [
        f"one event in {round(1 / TRADE_SHARE)} is a trade; an event's cost holds its share of slots that "
        "close, and of the ten vectors a second"
    ]
    title = "features: CPU time of the feature set `micro`, one symbol"
    return Row("P10", "features", title, lines, notes=notes)


class _Walk:
    """The features of one symbol over a stream that begins again, later, whenever it ends."""

    def __init__(self) -> None:
        self.sums = Micro()
        self.events = 0
        vpin.adopt(self.sums.vpin, BUCKET)
        self._ticks = list(ticks(MEASURED, 1, 5, STEP, TRADE_SHARE))

    def go(self, events: int) -> None:
        """Applies so many events, whole streams of them."""
        for _ in range(0, events, MEASURED):
            _apply(self.sums, self._ticks, self.events * STEP)
            self.events += MEASURED

    def cost_ns(self) -> float:
        """CPU time of an event, from here on."""
        costs = []
        for _ in range(TURNS):
            gc.collect()
            before = time.process_time()
            self.go(MEASURED)
            costs.append(time.process_time() - before)
        return min(costs) / MEASURED * NS


def _apply(sums: Micro, stream: list[Quote | Trade], later: int) -> None:
    for tick in stream:
        moment = tick.time + later
        if isinstance(tick, Quote):
            micro.on_quote(sums, moment, tick.bid, tick.ask, tick.bid_size, tick.ask_size)
        else:
            micro.on_trade(sums, moment, tick.price, tick.size, tick.side)
        if features.is_due(sums):
            features.vector(sums)
            features.emitted(sums)


def _vector_ns(sums: Micro) -> float:
    gc.collect()
    before = time.process_time()
    for _ in range(VECTORS):
        features.vector(sums)
    return (time.process_time() - before) / VECTORS * NS
