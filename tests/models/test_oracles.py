"""The features over the recorded market data, against figures that were computed elsewhere from the same files."""

import math
from collections.abc import Sequence
from functools import cache
from statistics import correlation, fmean
from typing import NamedTuple

import pytest

from models import micro, vpin
from models.micro import LN_UNITS, Micro
from models.vpin import BUCKETS
from tests.market.recorded import INSTRUMENTS, MARKS, quotes, steps, trades

pytestmark = MARKS
SPOT, BTC, ETH = INSTRUMENTS
SECOND = 1_000_000_000
YEAR_S = 365 * 86_400
VOLUMES = 200
"""Sizes are taken so many times, so that a bucket of the whole volume fills so often."""


class Stand(NamedTuple):
    """At the end of a second: the order flow so far, the mid in half ticks, the queue imbalance."""

    ofi: int
    mid2: int
    queue: float


@cache
def walked(symbol: str) -> tuple[Micro, list[Stand]]:
    """The accumulators after all quotes of a symbol, and how it stood at the end of each second."""
    sums, stands = Micro(), list[Stand]()
    for quote in quotes():
        if quote.symbol != symbol:
            continue
        if sums.clock:
            passed = quote.time // SECOND - sums.clock // SECOND
            depth = sums.bid_size + sums.ask_size
            queue = (sums.bid_size - sums.ask_size) / depth
            stands += [Stand(sums.ofi, sums.bid + sums.ask, queue)] * passed
        time = micro.admit(sums, quote.time)
        micro.on_quote(sums, time, quote.bid, quote.ask, quote.bid_size, quote.ask_size)
    return sums, stands


@pytest.mark.parametrize(
    ("symbol", "total"), [(SPOT, -50.642810), (BTC, -108.3560), (ETH, 43.4920)]
)
def test_order_flow_sums_to_the_published_totals(symbol: str, total: float) -> None:
    sums, _ = walked(symbol)
    assert sums.ofi * steps(symbol)[1] == pytest.approx(total, abs=1e-6)


@pytest.mark.parametrize(
    ("symbol", "last", "mean", "largest"),
    [
        (SPOT, 0.612125, 0.656952, 0.789652),
        (BTC, 0.742816, 0.760601, 0.859989),
        (ETH, 0.765514, 0.697994, 0.802150),
    ],
)
def test_vpin_has_the_published_values(
    symbol: str, last: float, mean: float, largest: float
) -> None:
    mine = [trade for trade in trades() if trade.symbol == symbol]
    sums, full, lots = Micro(), list[int](), 0
    bucket = sum(trade.size for trade in mine)
    vpin.adopt(sums.vpin, bucket)
    for trade in mine:
        size = VOLUMES * trade.size
        micro.on_trade(sums, micro.admit(sums, trade.time), trade.price, size, trade.side)
        new = (lots + size) // bucket - lots // bucket
        full += sums.vpin.imbalances[-new:] if new else ()
        lots += size
    values = [
        sum(full[first : first + BUCKETS]) / (BUCKETS * bucket)
        for first in range(len(full) - BUCKETS + 1)
    ]
    assert len(full) == VOLUMES
    assert sums.vpin.value == values[-1]
    assert (values[-1], fmean(values), max(values)) == pytest.approx(
        (last, mean, largest), abs=1e-6
    )


@pytest.mark.parametrize(("symbol", "r_squared"), [(SPOT, 0.52), (BTC, 0.39), (ETH, 0.54)])
def test_order_flow_explains_the_same_second(symbol: str, r_squared: float) -> None:
    _, stands = walked(symbol)
    steps = list(zip(stands, stands[1:], strict=False))
    flows = [after.ofi - before.ofi for before, after in steps]
    moves = [after.mid2 - before.mid2 for before, after in steps]
    assert correlation(flows, moves) ** 2 == pytest.approx(r_squared, abs=0.05)


@pytest.mark.parametrize("symbol", [SPOT, BTC, ETH])
def test_volatility_of_a_year_is_that_of_the_day(symbol: str) -> None:
    sums, stands = walked(symbol)
    a_year = math.sqrt(sums.squares * YEAR_S / (len(stands) - 1)) / LN_UNITS
    assert 0.65 <= a_year <= 0.84


@pytest.mark.parametrize(
    ("symbol", "area", "moves"), [(SPOT, 0.83, 323), (BTC, 0.76, 182), (ETH, 0.71, 212)]
)
def test_queue_imbalance_tells_the_move_of_the_next_second(
    symbol: str, area: float, moves: int
) -> None:
    fast, count = _area(walked(symbol)[1], 1)
    slow, _ = _area(walked(symbol)[1], 5)
    assert fast == pytest.approx(area, abs=0.05)
    assert count == moves
    assert 0.50 <= slow <= 0.70


def _area(stands: Sequence[Stand], seconds: int) -> tuple[float, int]:
    """AUC of the imbalance for the sign of the moves over so many seconds, and how many there are."""
    moves = [
        (now.queue, later.mid2 - now.mid2)
        for now, later in zip(stands, stands[seconds:], strict=False)
    ]
    ups = [queue for queue, move in moves if move > 0]
    downs = [queue for queue, move in moves if move < 0]
    wins = sum((up > down) + (up == down) / 2 for up in ups for down in downs)
    return wins / (len(ups) * len(downs)), len(ups) + len(downs)
