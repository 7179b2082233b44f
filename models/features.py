"""The feature set `micro`: what the last quotes and trades of a symbol say, as one vector; nothing else makes it.

The totals are integers (`models/micro.py`); floats appear here, when a vector is made.
"""

import hashlib
import json
import math
import struct
from collections.abc import Sequence
from typing import NamedTuple

from models.micro import Micro
from models.rings import SPANS
from models.vpin import BUCKETS, DAY_NS

NAME = "micro"
VERSION = 1
EMIT_NS = 100_000_000
"""A whole number of slots, so a vector can only be due where a slot opens."""

SECOND_NS = 1_000_000_000
BPS = 10_000


class Feature(NamedTuple):
    """One element of the vector. low, high: the clip, in `unit`."""

    name: str
    formula: str
    window: str
    unit: str
    low: float
    high: float


FEATURES: tuple[Feature, ...] = (
    Feature("spread_bps", "1e4(a-b)/m", "now", "bps", 0.0, 100.0),
    Feature("queue_imb", "(qb-qa)/(qb+qa)", "now", "1", -1.0, 1.0),
    Feature("micro_dev", "1e4(w-m)/m", "now", "bps", -50.0, 50.0),
    Feature("depth_ratio", "ln((qb+qa)/D)", "60s", "1", -5.0, 5.0),
    Feature("ofi_1s", "sum(e)/(D/2)", "1s", "depths", -50.0, 50.0),
    Feature("ofi_5s", "sum(e)/(D/2)", "5s", "depths", -50.0, 50.0),
    Feature("ofi_60s", "sum(e)/(D/2)", "60s", "depths", -50.0, 50.0),
    Feature("ret_1s", "1e4 ln(m/m0)", "1s", "bps", -500.0, 500.0),
    Feature("ret_5s", "1e4 ln(m/m0)", "5s", "bps", -500.0, 500.0),
    Feature("ret_60s", "1e4 ln(m/m0)", "60s", "bps", -500.0, 500.0),
    Feature("rv_60s", "1e4 sqrt(sum(r^2))", "60s", "bps", 0.0, 2_000.0),
    Feature("rv_300s", "1e4 sqrt(sum(r^2))", "300s", "bps", 0.0, 2_000.0),
    Feature("trade_imb_5s", "(buy-sell)/(buy+sell)", "5s", "1", -1.0, 1.0),
    Feature("trade_imb_60s", "(buy-sell)/(buy+sell)", "60s", "1", -1.0, 1.0),
    Feature("intensity_5s", "ln(1+n/5)", "5s", "1", 0.0, 10.0),
    Feature("burst", "ln((1+n5/5)/(1+n300/300))", "300s", "1", -10.0, 10.0),
    Feature("vpin", "mean(abs(buy-sell)/V)", "buckets", "1", 0.0, 1.0),
    Feature("vwap_dev_60s", "1e4(m-vwap)/m", "60s", "bps", -500.0, 500.0),
    Feature("tod_sin", "sin(2 pi s/86400)", "now", "1", -1.0, 1.0),
    Feature("tod_cos", "cos(2 pi s/86400)", "now", "1", -1.0, 1.0),
)
NAMES: tuple[str, ...] = tuple(feature.name for feature in FEATURES)
VECTOR = struct.Struct(f"<{len(FEATURES)}d")


def _bits(*windows: str) -> int:
    return sum(1 << bit for bit, feature in enumerate(FEATURES) if feature.window in windows)


READY_NOW, READY_1S, READY_5S = _bits("now"), _bits("1s"), _bits("5s")
READY_60S = _bits("60s", "300s")
"""Those of 300 s speak after 60 s, too, over what they have."""

READY_VPIN = _bits("buckets")
READY_ALL = (1 << len(FEATURES)) - 1
READY_SOON = READY_NOW | READY_1S | READY_5S
"""Set five seconds after the first book."""


def set_hash(name: str, version: int, features: Sequence[Feature], emit_ms: int) -> str:
    """The first 8 bytes (hex) of the sha256 of everything that gives a vector its meaning."""
    described = {
        "set": name,
        "version": version,
        "features": [
            [f.name, f.formula, f.window, _slots(f.window), f.unit, [f.low, f.high]]
            for f in features
        ],
        "emit_interval_ms": emit_ms,
        "dtype": "<f8",
    }
    text = json.dumps(described, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _slots(window: str) -> int:
    if window == "buckets":
        return BUCKETS
    return SPANS if window.endswith("s") else 0


SET_HASH = set_hash(NAME, VERSION, FEATURES, EMIT_NS // 1_000_000)
Floats8 = tuple[float, float, float, float, float, float, float, float]
NONE_1S, NONE_5S = (0.0, 0.0), (0.0, 0.0, 0.0, 0.0)
NONE_60S: Floats8 = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def vector(micro: Micro) -> tuple[int, bytes]:
    """(ready mask, packed little-endian float64) of the present state, which must hold a two-sided book.

    A feature that is not ready is 0.0 and its bit is clear.
    """
    bid, ask, bid_size, ask_size = micro.bid, micro.ask, micro.bid_size, micro.ask_size
    assert bid, "no vector without a two-sided book"
    mid2, depth, skew = bid + ask, bid_size + ask_size, bid_size - ask_size
    spread_bps, deviation = 2 * BPS * (ask - bid) / mid2, BPS * (ask - bid) * skew / (depth * mid2)
    ready, age, mean_depth = READY_NOW, micro.clock - micro.since, _mean_depth(micro, depth)
    over_1s, over_5s, over_60s, vpin = NONE_1S, NONE_5S, NONE_60S, 0.0
    if age >= SECOND_NS:
        ready |= READY_1S
        before, flow = micro.ring_1s[0]
        over_1s = _moves(micro.ofi - flow, mean_depth, mid2, before)
        if age >= 5 * SECOND_NS:
            ready |= READY_5S
            over_5s = _over_5s(micro, mid2, mean_depth)
            if age >= 60 * SECOND_NS:
                ready |= READY_60S
                over_60s = _over_60s(micro, mid2, depth, mean_depth)
    if len(micro.vpin.imbalances) == BUCKETS:
        ready |= READY_VPIN
        vpin = micro.vpin.total / (BUCKETS * micro.vpin.bucket)
    ofi_1s, ret_1s = over_1s
    ofi_5s, ret_5s, imbalance_5s, intensity = over_5s
    ofi_60s, ret_60s, depth_ratio, rv_60s, rv_300s, imbalance_60s, burst, vwap_dev = over_60s
    day = math.tau * (micro.clock % DAY_NS) / DAY_NS
    return ready, VECTOR.pack(
        spread_bps if spread_bps < 100.0 else 100.0,
        skew / depth,
        deviation if -50.0 < deviation < 50.0 else math.copysign(50.0, deviation),
        depth_ratio,
        ofi_1s,
        ofi_5s,
        ofi_60s,
        ret_1s,
        ret_5s,
        ret_60s,
        rv_60s,
        rv_300s,
        imbalance_5s,
        imbalance_60s,
        intensity,
        burst,
        vpin,
        vwap_dev,
        math.sin(day),
        math.cos(day),
    )


def _mean_depth(micro: Micro, depth: int) -> float:
    """D; the present depth where no slot of the last minute has seen a quote."""
    oldest = micro.ring_60s[0]
    books = micro.books - oldest[6]
    return (micro.depth - oldest[5]) / books if books else float(depth)


def _moves(flow: int, mean_depth: float, mid2: int, before: int) -> tuple[float, float]:
    """(ofi, ret) of a window."""
    ofi, ret = 2 * flow / mean_depth, BPS * math.log(mid2 / before)
    return (
        ofi if -50.0 < ofi < 50.0 else math.copysign(50.0, ofi),
        ret if -500.0 < ret < 500.0 else math.copysign(500.0, ret),
    )


def _over_5s(micro: Micro, mid2: int, mean_depth: float) -> tuple[float, float, float, float]:
    """(ofi, ret, imbalance, intensity)."""
    before, flow, buy, sell, trades = micro.ring_5s[0]
    buy, sell, trades = micro.buy - buy, micro.sell - sell, micro.trades - trades
    intensity = math.log1p(trades / 5)
    return (
        *_moves(micro.ofi - flow, mean_depth, mid2, before),
        (buy - sell) / (buy + sell) if buy + sell else 0.0,
        intensity if intensity < 10.0 else 10.0,
    )


def _over_60s(micro: Micro, mid2: int, depth: int, mean_depth: float) -> Floats8:
    """(ofi, ret, depth ratio, rv of 60 s, of 300 s, imbalance, burst, vwap deviation)."""
    before, flow, buy, sell, notional, _, _, squares = micro.ring_60s[0]
    trades, squares_300s = micro.ring_300s[0]
    buy, sell = micro.buy - buy, micro.sell - sell
    few, many, lots = micro.trades - micro.ring_5s[0][4], micro.trades - trades, buy + sell
    paid = micro.notional - notional
    return (
        *_moves(micro.ofi - flow, mean_depth, mid2, before),
        _clip(math.log(depth / mean_depth), 5.0),
        _volatility_bps(micro.squares - squares),
        _volatility_bps(micro.squares - squares_300s),
        (buy - sell) / lots if lots else 0.0,
        _clip(math.log(60 * (5 + few) / (300 + many)), 10.0),
        _clip(BPS * (mid2 * lots - 2 * paid) / (mid2 * lots), 500.0) if lots else 0.0,
    )


def _clip(value: float, bound: float) -> float:
    return value if -bound < value < bound else math.copysign(bound, value)


def _volatility_bps(squares: int) -> float:
    """1e4 sqrt(sum of r²), r in 1e-9."""
    bps = math.sqrt(squares) / 1e5
    return bps if bps < 2_000.0 else 2_000.0


def is_due(micro: Micro) -> bool:
    """Whether the event just applied is the first at or past the time of the next vector."""
    return micro.clock >= micro.due and micro.bid > 0


def emitted(micro: Micro) -> int:
    """Note that a vector was emitted now; the milliseconds since the one before, 0 for the first."""
    clock = micro.clock
    gap_ms = (clock - micro.emitted) // 1_000_000 if micro.emitted else 0
    micro.emitted = clock
    micro.due = (clock // EMIT_NS + 1) * EMIT_NS
    micro.low = micro.high = micro.bid + micro.ask
    micro.sequence += 1
    return gap_ms
