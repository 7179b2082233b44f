"""Seeded random-walk quotes and trades in the engine's wire format: what every contender of a throughput row reads."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from streams.messages import Quote, Trade

START = int(datetime(2026, 1, 5, tzinfo=UTC).timestamp()) * 1_000_000_000
"""Event time of the first tick in ns; a past moment, since brokers refuse timestamps ahead of their clock."""

DENSE_STEP = 100_000
"""Event time between two ticks in ns: 200 ticks/s a symbol with 50 symbols, about one output of the engine in ten
ticks, as on the recorded market data."""

SPARSE_STEP = 1_000_000
"""20 ticks/s a symbol with 50 symbols: about one output a tick, since marks and vectors go by time."""

TRANSIT = 250_000
"""From the venue's clock to ours in ns."""

SOURCE = "bench"
LOWEST_BID = 100
HIGHEST_START = 100_000


def symbols(count: int) -> list[str]:
    """`SYM00.BENCH`, `SYM01.BENCH`, ..."""
    return [f"SYM{index:02d}.BENCH" for index in range(count)]


@dataclass
class Walk:
    """The market of one symbol: its bid is a random walk in ticks."""

    draw: random.Random
    symbol: str
    bid: int

    def quote(self, sequence: int, time: int) -> Quote:
        """The next quote."""
        draw = self.draw
        self.bid = bid = max(LOWEST_BID, self.bid + draw.randrange(-2, 3))
        return Quote(
            symbol=self.symbol,
            bid=bid,
            ask=bid + draw.randrange(1, 4),
            bid_size=draw.randrange(1, 1_000),
            ask_size=draw.randrange(1, 1_000),
            time=time,
            received=time + TRANSIT,
            sequence=sequence,
            source=SOURCE,
        )

    def trade(self, sequence: int, time: int) -> Trade:
        """A trade at the bid or a tick above it."""
        draw = self.draw
        bought = draw.random() < 0.5
        return Trade(
            symbol=self.symbol,
            price=self.bid + bought,
            size=draw.randrange(1, 100),
            time=time,
            received=time + TRANSIT,
            trade_id=sequence,
            source=SOURCE,
            side="buy" if bought else "sell",
        )


def ticks(
    events: int, keys: int, seed: int, step: int = DENSE_STEP, trade_share: float = 0.0
) -> Iterator[Quote | Trade]:
    """`events` ticks over `keys` symbols, of which `trade_share` are trades; the seed decides all."""
    draw = random.Random(seed)
    walks = [
        Walk(draw, name, draw.randrange(HIGHEST_START // 10, HIGHEST_START))
        for name in symbols(keys)
    ]
    for sequence in range(events):
        walk, time = draw.choice(walks), START + sequence * step
        if trade_share and draw.random() < trade_share:
            yield walk.trade(sequence, time)
        else:
            yield walk.quote(sequence, time)
