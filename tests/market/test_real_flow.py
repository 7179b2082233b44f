"""Market, learner and strategist over the recorded market data: the signal is there, and it trades."""

import json
from collections import Counter
from functools import cache

import pytest

from agents.learner_tables import MODELS
from agents.strategies import STRATEGIES
from agents.strategist import Strategist
from models.mixture import MIX
from models.online import versions
from streams import topics
from streams.messages import Quote, Trade
from streams.predictions import Example, Prediction
from tests.market import drive
from tests.market.recorded import INSTRUMENTS, MARKS, quotes, trades
from tests.market.test_honesty import area

FAST, SLOW = (model.name for model in MODELS)
pytestmark = MARKS


@cache
def recorded() -> tuple[list[Prediction], list[Example], drive.Tables]:
    """Predictions and examples of the whole recording, receive time as the clock."""
    tables = drive.Tables(*INSTRUMENTS.values())
    ticks: list[Quote | Trade] = [*trades(), *quotes()]
    merged = sorted(ticks, key=lambda tick: tick.time)
    outputs = drive.learn(tables, drive.of(topics.FEATURES, drive.ticks(tables, merged)))
    return drive.of(topics.PREDICTIONS, outputs), drive.of(topics.EXAMPLES, outputs), tables


def scored(model: str, version: str) -> list[tuple[float, int]]:
    """(p, y) of every logged output of a version, pooled over the symbols, at the true delay of its label."""
    _, examples, _ = recorded()
    return [
        (answer.p, example.y)
        for example in examples
        if example.model == model and example.y is not None
        for answer in example.outputs
        if answer.version == version and answer.p is not None
    ]


@pytest.mark.parametrize(("model", "low", "high"), [(FAST, 0.65, 0.90), (SLOW, 0.50, 0.70)])
def test_lin_knows_something_and_not_too_much(model: str, low: float, high: float) -> None:
    found = scored(model, "lin")
    assert len(found) > 2_000
    assert low <= area(found) <= high


@pytest.mark.parametrize("model", [FAST, SLOW])
def test_no_version_knows_what_it_cannot_know(model: str) -> None:
    """Above ninety points is leakage, whatever the version."""
    for version in (*versions.INLINE, MIX):
        assert area(scored(model, version)) <= 0.90, version


def test_every_vector_gets_one_label_but_the_last_second() -> None:
    predictions, examples, tables = recorded()
    pending = sum(tables.waiting.lines.length(place) for place in tables.waiting.lines.places())
    assert len(examples) + pending == len(predictions)
    assert len({each.prediction_id for each in examples}) == len(examples)
    assert pending < 3 * (25 + 75)


def test_signal_trades_with_its_defaults_and_keeps_its_cooldown() -> None:
    predictions, _, tables = recorded()
    seat = Strategist("signal", STRATEGIES["signal"](), "paper")
    orders = [json.loads(order) for order in drive.trade(tables, seat, predictions)]
    by_symbol = Counter(order["symbol"] for order in orders)
    assert set(by_symbol) == set(INSTRUMENTS)
    assert all(10 <= count <= 660 / 5 + 1 for count in by_symbol.values()), by_symbol
    assert {order["side"] for order in orders} == {"buy"}
