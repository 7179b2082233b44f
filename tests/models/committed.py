"""A seeded stream that all features speak in, and the sha256 of its vectors as the set's version gives them."""

import hashlib
import random

from models import features, micro, vpin
from models.features import READY_ALL
from models.micro import Micro

SHA256 = "f3dcab61b59b63a35747e5b2adf80a90eb5e8f74b0623a688026503fda6b1acf"
MS = 1_000_000
START = 1_700_000_000_000 * MS
EVENTS = 20_000
BUCKET = 200


def digest() -> str:
    """Of all ready masks and vectors, as they are made now."""
    draw, sums, made = random.Random(20), Micro(), hashlib.sha256()
    vpin.adopt(sums.vpin, BUCKET)
    bid, time, ready = 60_000, START, 0
    for _ in range(EVENTS):
        time += draw.randrange(40 * MS)
        bid += draw.randrange(-2, 3)
        if draw.random() < 0.3:
            micro.on_trade(sums, time, bid + draw.randrange(2), draw.randrange(1, 9), "")
        else:
            sizes = draw.randrange(1, 99), draw.randrange(1, 99)
            micro.on_quote(sums, time, bid, bid + draw.randrange(3), *sizes)
        if features.is_due(sums):
            ready, packed = features.vector(sums)
            features.emitted(sums)
            made.update(ready.to_bytes(4) + packed)
    assert ready == READY_ALL, "the stream is long enough for every feature"
    return made.hexdigest()


if __name__ == "__main__":
    print(digest())  # noqa: T201  read by a test
