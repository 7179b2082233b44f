"""The feature set `micro0`: what the last quotes and trades of a symbol say, as one vector; nothing else makes it.

The accumulators are integers (`models/micro.py`); floats appear here, when a vector is made.
"""

import hashlib
import json
import math
import struct
from typing import NamedTuple

from models.micro import SPAN_5S, SPANS, Micro

NAME = "micro0"
VERSION = 1
EMIT_NS = 100_000_000
"""A whole number of slots, so a vector can only be due where a slot opens."""

SECOND_NS = 1_000_000_000


class Feature(NamedTuple):
    """One element of the vector. window_ms: 0 = now. low, high: the clip, in `unit`."""

    name: str
    formula: str
    window_ms: int
    unit: str
    low: float
    high: float


FEATURES: tuple[Feature, ...] = (
    Feature("spread_bps", "1e4(a-b)/m", 0, "bps", 0.0, 100.0),
    Feature("queue_imb", "(qb-qa)/(qb+qa)", 0, "1", -1.0, 1.0),
    Feature("micro_dev", "1e4(w-m)/m", 0, "bps", -50.0, 50.0),
    Feature("ofi_1s", "sum(e)/(D/2)", 1_000, "depths", -50.0, 50.0),
    Feature("ret_1s", "1e4 ln(m/m0)", 1_000, "bps", -500.0, 500.0),
    Feature("ret_5s", "1e4 ln(m/m0)", 5_000, "bps", -500.0, 500.0),
    Feature("trade_imb_5s", "(buy-sell)/(buy+sell)", 5_000, "1", -1.0, 1.0),
    Feature("intensity_5s", "ln(1+n/5)", 5_000, "1", 0.0, 10.0),
)
NAMES: tuple[str, ...] = tuple(feature.name for feature in FEATURES)
READY_ALL = (1 << len(FEATURES)) - 1
READY_NOW, READY_1S, READY_5S = 0b0000_0111, 0b0001_1000, 0b1110_0000
VECTOR = struct.Struct(f"<{len(FEATURES)}d")


def set_hash() -> str:
    """The first 8 bytes (hex) of the sha256 of everything that gives a vector its meaning."""
    described = {
        "set": NAME,
        "version": VERSION,
        "features": [
            [f.name, f.formula, f.window_ms, SPANS if f.window_ms else 0, f.unit, f.low, f.high]
            for f in FEATURES
        ],
        "emit_interval_ms": EMIT_NS // 1_000_000,
        "dtype": "<f8",
    }
    text = json.dumps(described, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


SET_HASH = set_hash()


def vector(micro: Micro) -> tuple[int, bytes]:
    """(ready mask, packed little-endian float64) of the present state, which must hold a two-sided book.

    A feature that is not ready is 0.0 and its bit is clear.
    """
    bid, ask, bid_size, ask_size = micro.bid, micro.ask, micro.bid_size, micro.ask_size
    assert bid, "no vector without a two-sided book"
    mid2, depth, skew = bid + ask, bid_size + ask_size, bid_size - ask_size
    spread_bps = 20_000 * (ask - bid) / mid2
    micro_dev = 10_000 * (ask - bid) * skew / (depth * mid2)
    ready = READY_NOW
    ofi = ret_1s = ret_5s = imbalance = intensity = 0.0
    age = micro.clock - micro.since
    if age >= SECOND_NS:
        ready |= READY_1S
        ofi = 2 * (micro.ofi_sum + micro.ofi) / _mean_depth(micro, depth)
        ret_1s = _return_bps(mid2, micro.mid2_1s[(micro.slot + 1) % SPANS])
    if age >= 5 * SECOND_NS:
        ready |= READY_5S
        ret_5s = _return_bps(mid2, micro.mid2_5s[(micro.slot // SPAN_5S + 1) % SPANS])
        buy, sell = micro.buy_sum + micro.buy, micro.sell_sum + micro.sell
        imbalance = (buy - sell) / (buy + sell) if buy + sell else 0.0
        intensity = math.log1p((micro.trades_sum + micro.trades) / 5)
    return ready, VECTOR.pack(
        spread_bps if spread_bps < 100.0 else 100.0,
        skew / depth,
        micro_dev if -50.0 < micro_dev < 50.0 else math.copysign(50.0, micro_dev),
        ofi if -50.0 < ofi < 50.0 else math.copysign(50.0, ofi),
        ret_1s,
        ret_5s,
        imbalance,
        intensity if intensity < 10.0 else 10.0,
    )


def _mean_depth(micro: Micro, depth: int) -> float:
    return micro.depth_sum / micro.depth_count if micro.depth_count else depth


def _return_bps(mid2: int, before: int) -> float:
    bps = 10_000 * math.log(mid2 / before)
    return bps if -500.0 < bps < 500.0 else math.copysign(500.0, bps)


def is_due(micro: Micro) -> bool:
    """Whether the event just applied is the first at or past the time of the next vector."""
    return micro.clock >= micro.due and micro.bid > 0


def emitted(micro: Micro) -> int:
    """Note that a vector was emitted now; the milliseconds since the one before, 0 for the first."""
    clock = micro.clock
    gap_ms = (clock - micro.emitted) // 1_000_000 if micro.emitted else 0
    micro.emitted = clock
    micro.due = (clock // EMIT_NS + 1) * EMIT_NS
    micro.sequence += 1
    return gap_ms
