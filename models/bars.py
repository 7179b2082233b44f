"""The feature set `bars`: what the last closed bars of a symbol say; training and a stream walk the same code.

The mid is the close. A missing bar is a gap that is told, never filled: windows count the bars that there are.
"""

import math
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from models.features import Feature, set_hash
from models.vpin import DAY_NS

NAME = "bars"
VERSION = 1
SHORT, LONG = 24, 96
"""Bars."""

LN_UNITS = 1_000_000
THURSDAY = 3
"""The day of the week on which Unix time began, from Monday."""

FEATURES: tuple[Feature, ...] = (
    Feature("ret_1", "ln(c/c1)", "1 bar", "1", -1.0, 1.0),
    Feature("ret_6", "ln(c/c6)", "6 bars", "1", -1.0, 1.0),
    Feature("ret_24", "ln(c/c24)", "24 bars", "1", -2.0, 2.0),
    Feature("rv_24", "sqrt(sum(r^2))", "24 bars", "1", 0.0, 2.0),
    Feature("rv_96", "sqrt(sum(r^2))", "96 bars", "1", 0.0, 4.0),
    Feature("range", "ln(h/l)", "now", "1", 0.0, 1.0),
    Feature("body", "(c-o)/max(h-l,tick)", "now", "1", -1.0, 1.0),
    Feature("vol_z", "z(ln(1+v))", "96 bars", "1", -10.0, 10.0),
    Feature("gap", "min(missing,24)", "1 bar", "bars", 0.0, 24.0),
    Feature("tod_sin", "sin(2 pi s/86400)", "now", "1", -1.0, 1.0),
    Feature("tod_cos", "cos(2 pi s/86400)", "now", "1", -1.0, 1.0),
    Feature("dow_sin", "sin(2 pi d/7)", "now", "1", -1.0, 1.0),
    Feature("dow_cos", "cos(2 pi d/7)", "now", "1", -1.0, 1.0),
)
NAMES: tuple[str, ...] = tuple(feature.name for feature in FEATURES)
SET_HASH = set_hash(NAME, VERSION, FEATURES, 0)
READY_ALL = (1 << len(FEATURES)) - 1
VECTOR = struct.Struct(f"<{len(FEATURES)}d")

Values = tuple[float, ...]


class Bar(Protocol):
    """A closed bar. Prices in ticks > 0, volume in lots; start, time: its first and last ns."""

    @property
    def open(self) -> int: ...
    @property
    def high(self) -> int: ...
    @property
    def low(self) -> int: ...
    @property
    def close(self) -> int: ...
    @property
    def volume(self) -> int: ...
    @property
    def start(self) -> int: ...
    @property
    def time(self) -> int: ...


class Row(NamedTuple):
    """A vector: the event time at which its bar closed (its last ns), the ready mask, the values."""

    time: int
    ready: int
    values: Values


@dataclass(slots=True)
class Bars:
    """What is kept of one symbol's bars, oldest first.

    time: the last ns of the last one. closes: ticks; returns: between closes; volumes: ln(1 + lots) in 1e-6, with their
    sum and that of their squares.
    """

    time: int = 0
    closes: tuple[int, ...] = ()
    returns: tuple[float, ...] = ()
    volumes: tuple[int, ...] = ()
    volume_sum: int = 0
    volume_squares: int = 0


def vectors(bars: Iterable[Bar]) -> list[Row]:
    """The vector of each bar of one symbol and interval, in order of time. Raises ValueError as `update` does."""
    state = Bars()
    return [update(state, bar) for bar in bars]


def update(state: Bars, bar: Bar) -> Row:
    """Take the next closed bar and give its vector; a feature that is not ready is 0.0 and its bit is clear.

    Raises ValueError for a bar that does not begin after the one before, before anything is changed.
    """
    if bar.start <= state.time:
        raise ValueError(f"bar at {bar.start} does not begin after {state.time}")
    gap = _missing(state, bar)
    _take(state, bar)
    end = bar.time + 1
    day, week = math.tau * (end % DAY_NS) / DAY_NS, math.tau * ((end // DAY_NS + THURSDAY) % 7) / 7
    values = (
        _return(state, 1),
        _return(state, 6),
        _return(state, 24),
        _volatility(state, SHORT),
        _volatility(state, LONG),
        math.log(bar.high / bar.low),
        (bar.close - bar.open) / max(bar.high - bar.low, 1),
        _volume_z(state),
        gap,
        math.sin(day),
        math.cos(day),
        math.sin(week),
        math.cos(week),
    )
    ready = sum(1 << bit for bit, value in enumerate(values) if value is not None)
    return Row(bar.time, ready, tuple(map(_clipped, FEATURES, values)))


def _clipped(feature: Feature, value: float | None) -> float:
    return 0.0 if value is None else max(feature.low, min(value, feature.high))


def _missing(state: Bars, bar: Bar) -> float | None:
    if not state.closes:
        return None
    return float((bar.start - state.time - 1) // (bar.time - bar.start + 1))


def _take(state: Bars, bar: Bar) -> None:
    if state.closes:
        latest = math.log(bar.close / state.closes[-1])
        state.returns = (*state.returns, latest)[-LONG:]
    state.closes = (*state.closes, bar.close)[-SHORT - 1 :]
    volume = round(LN_UNITS * math.log1p(bar.volume))
    gone = state.volumes[0] if len(state.volumes) == LONG else 0
    state.volumes = (*state.volumes, volume)[-LONG:]
    state.volume_sum += volume - gone
    state.volume_squares += volume**2 - gone**2
    state.time = bar.time


def _return(state: Bars, bars: int) -> float | None:
    if len(state.closes) <= bars:
        return None
    return math.log(state.closes[-1] / state.closes[-1 - bars])


def _volatility(state: Bars, bars: int) -> float | None:
    if len(state.returns) < bars:
        return None
    return math.sqrt(math.fsum(r * r for r in state.returns[-bars:]))


def _volume_z(state: Bars) -> float | None:
    if len(state.volumes) < LONG:
        return None
    above = LONG * state.volumes[-1] - state.volume_sum
    spread = LONG * state.volume_squares - state.volume_sum**2
    return above / math.sqrt(spread) if spread else 0.0
