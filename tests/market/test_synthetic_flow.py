"""Market, learner and strategist over a minute of the synthetic feed, as `headrace up` runs them without a venue."""

import json
from itertools import islice

from agents.strategies import STRATEGIES
from agents.strategist import Strategist
from streams import topics
from streams.feeds.reference import SIMULATED
from streams.feeds.synthetic import SyntheticMarket
from tests.market import drive

SLOTS = 6_000
"""Of 10 ms."""


def test_signal_trades_within_a_minute_of_the_synthetic_market() -> None:
    instruments = SIMULATED[:3]
    market = SyntheticMarket(3, drive.START, instruments)
    tables = drive.Tables(*instruments)
    ticks = [tick for slot in islice(market.slots(), SLOTS) for tick in slot]
    outputs = drive.learn(tables, drive.of(topics.FEATURES, drive.ticks(tables, ticks)))
    seat = Strategist("signal", STRATEGIES["signal"](), "paper")
    orders = drive.trade(tables, seat, drive.of(topics.PREDICTIONS, outputs))
    symbols = [json.loads(order)["symbol"] for order in orders]
    assert set(symbols) == {instrument.symbol for instrument in instruments}
    assert len(symbols) <= 3 * SLOTS // 500
