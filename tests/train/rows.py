"""Examples with a known share of signal, for trainings in tests."""

import math
from random import Random

from models import features
from models.batch.frame import FeatureSet, Frame, read
from models.batch.known import features_of
from models.labels import UP_1S
from streams.ids import Ref
from streams.predictions import Example

MODEL = "up1s.micro.all"
START_NS = 1_767_225_600 * 10**9
SECOND_NS = 10**9
SYMBOLS = ("BTC/USD.T", "ETH/USD.T")
SET: FeatureSet = features_of(MODEL)


def chance(values: tuple[float, ...], strength: float) -> float:
    """The true probability of up: what the best model would say."""
    return 1 / (1 + math.exp(-strength * values[1]))


def examples(
    count: int,
    *,
    strength: float = 3.0,
    step_ns: int = SECOND_NS // 4,
    cost_bps: float = 0.5,
    leak: bool = False,
    seed: int = 1,
) -> list[Example]:
    """One of each symbol a step. strength: of queue_imb upon the label; leak: a feature that knows the return."""
    source = Random(seed)
    found = []
    for number in range(count):
        row, column = divmod(number, len(SYMBOLS))
        values = [_within(source.gauss(0, 0.4), f.low, f.high) for f in features.FEATURES]
        up = source.random() < chance(tuple(values), strength)
        r_bps = abs(source.gauss(0, 5)) * (1 if up else -1) or 1e-6
        if leak:
            values[4] = r_bps / 10
        time = START_NS + row * step_ns
        found.append(_example(number, SYMBOLS[column], time, tuple(values), up, r_bps, cost_bps))
    return found


def frame_of(found: list[Example]) -> Frame:
    """Their rows."""
    return read(found, SET, UP_1S, MODEL).frame


def _example(
    number: int,
    symbol: str,
    time: int,
    values: tuple[float, ...],
    up: bool,
    r_bps: float,
    cost_bps: float,
) -> Example:
    return Example(
        prediction_id=f"p{number}",
        symbol=symbol,
        model=MODEL,
        lane="inline",
        spec=UP_1S.hash,
        set_hash=SET.hash,
        state="labelled",
        time=time,
        known_at=time + SECOND_NS,
        elapsed_ns=SECOND_NS,
        mid2=200_000,
        ready=features.READY_ALL,
        vector=features.VECTOR.pack(*values),
        features_ref=Ref("features", 0, number),
        known_ref=Ref("features", 0, number + 8),
        y=int(up),
        r_bps=r_bps,
        cost_bps=cost_bps,
    )


def _within(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)
