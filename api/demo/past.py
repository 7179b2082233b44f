"""A market that never was: trades of a seeded walk, in the shape in which Kraken and CoinGecko tell of theirs."""

import math
import random
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

TICKS_AT_FIRST = 400_000
"""Of 0.1: the first price is 40,000."""

MOVE_TICKS = 40
MEMORY = 0.5
"""Share of a minute's drift that the next one keeps: so that there is something to learn."""

TURNED_SHARE = 0.2
LOTS_MAX = 50_000_000
LOT_DECIMALS = 8
FIRST_NUMBER = 64_000_001
SECOND = 10**9
MINUTE, HOUR, DAY = 60 * SECOND, 3600 * SECOND, 86_400 * SECOND
CAP_COINS = 19_600_000


@dataclass(frozen=True)
class Trade:
    """price: ticks of 0.1; size: 10**-8; time: ns."""

    number: int
    time: int
    price: int
    size: int
    side: str


@dataclass(frozen=True)
class Past:
    """Trades in [since, until), ns; the same for the same seed on every machine.

    swing: ticks by which the price rises and then falls each day, and on one day of five falls and then rises: a
    regularity that a model can find, and cannot be sure of.
    """

    seed: int
    since: int
    until: int
    trades_a_minute: int = 1
    swing: int = 0

    @cached_property
    def trades(self) -> list[Trade]:
        """In order; they fall into equal spans, one a span, so that no bar is empty."""
        chance = random.Random(self.seed)
        span = MINUTE // self.trades_a_minute
        price, drift, found = TICKS_AT_FIRST, 0.0, []
        for number, start in enumerate(range(self.since, self.until, span)):
            if number % self.trades_a_minute == 0:
                drift = MEMORY * drift + (chance.random() - 0.5) * MOVE_TICKS
            price = max(1, price + round(drift + (chance.random() - 0.5) * MOVE_TICKS))
            time = start + int(chance.random() * span)
            size = 1 + int(chance.random() * LOTS_MAX)
            side = "b" if chance.random() < 0.5 else "s"
            told = max(1, price + self._of_the_day(start))
            found.append(Trade(FIRST_NUMBER + number, time, told, size, side))
        return found

    def _of_the_day(self, time: int) -> int:
        if not self.swing:
            return 0
        day, into = divmod(time, DAY)
        sign = -1 if random.Random(f"{self.seed}:{day}").random() < TURNED_SHARE else 1
        return round(sign * self.swing * math.sin(math.tau * into / DAY))

    def trade_rows(self) -> list[str]:
        """Kraken's rows of trades, as JSON; times have digits that no float holds."""
        return [
            f'["{_price(t.price)}","{_size(t.size)}",{t.time // SECOND}.{t.time % SECOND:09d},'
            f'"{t.side}","m","",{t.number}]'
            for t in self.trades
        ]

    def bar_rows(self, span: int) -> list[str]:
        """Kraken's rows of bars, as JSON; the span in ns."""
        spans = groupby(self.trades, lambda trade: trade.time // span)
        return [_bar_row(start * span, list(inside)) for start, inside in spans]

    def points(self) -> list[tuple[int, float]]:
        """Of each hour its last price a moment after it, in ms, as CoinGecko tells them."""
        chance = random.Random(self.seed + 1)
        hours = groupby(self.trades, lambda trade: trade.time // HOUR)
        found = []
        for hour, inside in hours:
            late_ms = int(chance.random() * 300_000)
            price = list(inside)[-1].price / 10 + chance.random() / 1000
            found.append((hour * HOUR // 10**6 + late_ms, price))
        return found


def chart(points: list[tuple[int, float]]) -> dict[str, list[list[float]]]:
    """CoinGecko's market chart of these points."""
    return {
        "prices": [[at, price] for at, price in points],
        "market_caps": [[at, price * CAP_COINS] for at, price in points],
        "total_volumes": [[at, price * 500_000] for at, price in points],
    }


def _bar_row(start: int, inside: list[Trade]) -> str:
    prices = [trade.price for trade in inside]
    size = sum(trade.size for trade in inside)
    worth = sum(trade.price * trade.size for trade in inside)
    told = [prices[0], max(prices), min(prices), prices[-1], worth // size]
    texts = ",".join(f'"{_price(price)}"' for price in told)
    return f'[{start // SECOND},{texts},"{_size(size)}",{len(inside)}]'


def _price(ticks: int) -> str:
    """With five decimals, as Kraken writes them."""
    return f"{ticks // 10}.{ticks % 10}0000"


def _size(lots: int) -> str:
    return f"{lots // 10**LOT_DECIMALS}.{lots % 10**LOT_DECIMALS:0{LOT_DECIMALS}d}"
