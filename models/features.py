"""The feature set `micro`: what the last quotes and trades of a symbol say, as one vector; nothing else makes it.

The totals are integers (`models/micro.py`); floats appear here, when a vector is made.
"""

import hashlib
import json
import struct
from collections.abc import Sequence
from math import copysign, cos, log, log1p, sin, sqrt, tau
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
READY_LONG = READY_1S | READY_5S | READY_60S
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


def vector(micro: Micro) -> tuple[int, bytes]:
    """(ready mask, packed little-endian float64) of the present state, which must hold a two-sided book.

    A feature that is not ready is 0.0 and its bit is clear.
    """
    assert micro.bid, "no vector without a two-sided book"
    values, age = _values(micro), micro.clock - micro.since
    ready = READY_NOW | READY_VPIN if micro.vpin.is_full else READY_NOW
    if age >= 60 * SECOND_NS:
        return ready | READY_LONG, VECTOR.pack(*values)
    if age >= SECOND_NS:
        ready |= READY_1S if age < 5 * SECOND_NS else READY_1S | READY_5S
    told = (value if ready >> bit & 1 else 0.0 for bit, value in enumerate(values))
    return ready, VECTOR.pack(*told)


def _values(micro: Micro) -> tuple[float, ...]:
    """All features, ready or not; one straight function, since ten vectors a second of each symbol are made here."""
    bid, ask, bid_size, ask_size, ofi = (
        micro.bid,
        micro.ask,
        micro.bid_size,
        micro.ask_size,
        micro.ofi,
    )
    mid2, depth, skew = bid + ask, bid_size + ask_size, bid_size - ask_size
    mid2_1s, ofi_1s = micro.ring_1s[0]
    mid2_5s, ofi_5s, buy_5s, sell_5s, trades_5s = micro.ring_5s[0]
    mid2_60s, ofi_60s, buy, sell, notional, depths, books, squares = micro.ring_60s[0]
    trades_300s, squares_300s = micro.ring_300s[0]
    books = micro.books - books
    mean_depth = (micro.depth - depths) / books if books else float(depth)
    buy_5s, sell_5s = micro.buy - buy_5s, micro.sell - sell_5s
    buy, sell = micro.buy - buy, micro.sell - sell
    lots_5s, lots, notional = buy_5s + sell_5s, buy + sell, micro.notional - notional
    trades_5s, trades_300s = micro.trades - trades_5s, micro.trades - trades_300s
    spread = 2 * BPS * (ask - bid) / mid2
    deviation = BPS * (ask - bid) * skew / (depth * mid2)
    ratio = log(depth / mean_depth)
    flow_1s = 2 * (ofi - ofi_1s) / mean_depth
    flow_5s = 2 * (ofi - ofi_5s) / mean_depth
    flow_60s = 2 * (ofi - ofi_60s) / mean_depth
    ret_1s = BPS * log(mid2 / (mid2_1s or mid2))
    ret_5s = BPS * log(mid2 / (mid2_5s or mid2))
    ret_60s = BPS * log(mid2 / (mid2_60s or mid2))
    rv_60s = sqrt(micro.squares - squares) / 1e5
    rv_300s = sqrt(micro.squares - squares_300s) / 1e5
    intensity = log1p(trades_5s / 5)
    vwap_dev = BPS * (mid2 * lots - 2 * notional) / (mid2 * lots) if lots else 0.0
    day = tau * (micro.clock % DAY_NS) / DAY_NS
    return (
        spread if spread < 100.0 else 100.0,
        skew / depth,
        deviation if -50.0 < deviation < 50.0 else copysign(50.0, deviation),
        ratio if -5.0 < ratio < 5.0 else copysign(5.0, ratio),
        flow_1s if -50.0 < flow_1s < 50.0 else copysign(50.0, flow_1s),
        flow_5s if -50.0 < flow_5s < 50.0 else copysign(50.0, flow_5s),
        flow_60s if -50.0 < flow_60s < 50.0 else copysign(50.0, flow_60s),
        ret_1s if -500.0 < ret_1s < 500.0 else copysign(500.0, ret_1s),
        ret_5s if -500.0 < ret_5s < 500.0 else copysign(500.0, ret_5s),
        ret_60s if -500.0 < ret_60s < 500.0 else copysign(500.0, ret_60s),
        rv_60s if rv_60s < 2_000.0 else 2_000.0,
        rv_300s if rv_300s < 2_000.0 else 2_000.0,
        (buy_5s - sell_5s) / lots_5s if lots_5s else 0.0,
        (buy - sell) / lots if lots else 0.0,
        intensity if intensity < 10.0 else 10.0,
        max(-10.0, min(log(60 * (5 + trades_5s) / (300 + trades_300s)), 10.0)),
        micro.vpin.value,
        vwap_dev if -500.0 < vwap_dev < 500.0 else copysign(500.0, vwap_dev),
        sin(day),
        cos(day),
    )


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
