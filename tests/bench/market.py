"""Seeded random-walk quotes in the engine's wire format: what every contender of a throughput row reads."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime

from streams.messages import Quote

START = int(datetime(2026, 1, 5, tzinfo=UTC).timestamp()) * 1_000_000_000
"""Event time of the first quote in ns; a past moment, since brokers refuse timestamps ahead of their clock."""

STEP = 1_000_000
"""Event time between two quotes in ns."""

TRANSIT = 250_000
"""From the venue's clock to ours in ns."""

SOURCE = "bench"
LOWEST_BID = 100


def symbols(count: int) -> list[str]:
    """`SYM00.BENCH`, `SYM01.BENCH`, ..."""
    return [f"SYM{index:02d}.BENCH" for index in range(count)]


def quotes(events: int, keys: int, seed: int) -> Iterator[Quote]:
    """`events` quotes over `keys` symbols, each symbol's bid a random walk in ticks; the seed decides all."""
    draw = random.Random(seed)
    names = symbols(keys)
    bids = [draw.randrange(10_000, 100_000) for _ in names]
    for sequence in range(events):
        index = draw.randrange(keys)
        bids[index] = bid = max(LOWEST_BID, bids[index] + draw.randrange(-2, 3))
        time = START + sequence * STEP
        yield Quote(
            symbol=names[index],
            bid=bid,
            ask=bid + draw.randrange(1, 4),
            bid_size=draw.randrange(1, 1_000),
            ask_size=draw.randrange(1, 1_000),
            time=time,
            received=time + TRANSIT,
            sequence=sequence,
            source=SOURCE,
        )
