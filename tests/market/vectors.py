"""Feature vectors as the market handler logs them, of one symbol: for the tests and the benchmark of the learner."""

import random
from typing import Any

import msgspec

from models.features import NAMES, READY_ALL, SET_HASH, VECTOR
from streams.ids import Ref
from streams.predictions import Features
from tests.market.drive import MS, START, SYMBOL


def features(ms: int, mid2: int = 20_000, **changed: Any) -> Features:
    made = Features(
        symbol=SYMBOL,
        time=START + ms * MS,
        sequence=ms,
        set="micro",
        set_hash=SET_HASH,
        ready=READY_ALL,
        bid=mid2 // 2 - 1,
        ask=mid2 // 2 + 1,
        mid2=mid2,
        gap_ms=100,
        vector=VECTOR.pack(*[0.5] * len(NAMES)),
        quote_ref=Ref("market.quotes", 0, ms),
    )
    return msgspec.structs.replace(made, **changed)


def walk(count: int, seed: int = 6, step_ms: int = 100) -> list[Features]:
    """Vectors of which the second element tells the next second's direction, most of the time."""
    draw, mid2, made = random.Random(seed), 20_000, []
    lean = 0.0
    for number in range(count):
        if number % 10 == 0:
            lean = draw.choice([-0.8, 0.8])
        mid2 += draw.randrange(-2, 3) + (lean > 0) - (lean < 0)
        values = [draw.random() for _ in NAMES]
        values[1] = lean * draw.random()
        made.append(features(number * step_ms, mid2, vector=VECTOR.pack(*values)))
    return made
