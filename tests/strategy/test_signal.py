"""Predictions become orders: thresholds, cooldown, bracket, ids; an abstain opens nothing."""

from typing import Any

import msgspec
import pytest

from agents.strategies import Signal
from agents.strategist import Strategist
from streams.ids import Ref
from streams.instruments import Instrument
from streams.orders import New
from streams.predictions import Answer, Prediction
from tests.market import drive
from tests.market.drive import MS, START, SYMBOL

LONG = Strategist("signal", Signal(), "paper", generation=3)
BOTH = Strategist("signal", Signal(short=True), "margin")


def prediction(ms: int, p: float | None, **changed: Any) -> Prediction:
    made = Prediction(
        prediction_id=f"up1s.micro.all:inline:0:{ms}",
        symbol=SYMBOL,
        model="up1s.micro.all",
        time=START + ms * MS + 7,
        bid=5_999_999,
        ask=6_000_001,
        mid2=12_000_000,
        served=Answer("lin", p, "" if p is not None else "warming_up"),
        features_ref=Ref("features", 0, ms),
        volatility_bps=0.5,
    )
    return msgspec.structs.replace(made, **changed)


def orders(
    seat: Strategist, *predictions: Prediction, instrument: Instrument | None = None
) -> list[New]:
    tables = drive.Tables(instrument or drive.instrument(SYMBOL))
    return [New.model_validate_json(order) for order in drive.trade(tables, seat, predictions)]


def test_high_probability_buys_with_a_bracket() -> None:
    (order,) = orders(LONG, prediction(0, 0.55))
    assert (order.side, order.type, order.symbol) == ("buy", "market", SYMBOL)
    assert (order.account, order.strategy) == ("paper", "signal")
    assert order.client_order_id == "signal:3:0:0"
    assert order.created_at == "2025-10-09T08:53:20.000000007Z"
    assert order.qty == "0.01666"
    assert order.bracket and order.bracket.take_profit
    assert order.bracket.stop_loss.stop_price == "59994"
    assert order.bracket.take_profit.price == "60009"


def test_low_probability_sells_only_where_shorts_are_allowed() -> None:
    assert orders(LONG, prediction(0, 0.1)) == []
    (order,) = orders(BOTH, prediction(0, 0.45))
    assert order.side == "sell"
    assert order.bracket and order.bracket.take_profit
    assert order.bracket.stop_loss.stop_price == "60006"
    assert order.bracket.take_profit.price == "59991"


@pytest.mark.parametrize("p", [None, 0.4501, 0.5, 0.5499])
def test_abstain_or_doubt_opens_nothing(p: float | None) -> None:
    assert orders(BOTH, prediction(0, p)) == []


def test_bracket_is_at_least_ten_ticks_wide() -> None:
    (order,) = orders(LONG, prediction(0, 0.9, volatility_bps=0.0))
    assert order.bracket and order.bracket.take_profit
    assert order.bracket.stop_loss.stop_price == "59999.9"
    assert order.bracket.take_profit.price == "60000.1"


def test_one_order_a_symbol_in_a_cooldown() -> None:
    stream = [prediction(ms, 0.9) for ms in range(0, 16_000, 100)]
    sent = [order.client_order_id for order in orders(LONG, *stream)]
    assert sent == ["signal:3:0:0", "signal:3:0:50", "signal:3:0:100", "signal:3:0:150"]


def test_cooldown_of_one_symbol_is_not_another_ones() -> None:
    other = "ETHUSDT.BINANCE_SPOT"
    tables = drive.Tables(drive.instrument(SYMBOL), drive.instrument(other))
    stream = [prediction(0, 0.9), prediction(1, 0.9, symbol=other), prediction(2, 0.9)]
    assert len(drive.trade(tables, LONG, stream)) == 2


def test_cooldown_survives_a_restart_and_not_a_discard() -> None:
    tables = drive.Tables(drive.instrument(SYMBOL))
    first = drive.trade(tables, LONG, [prediction(0, 0.9)])
    tables.discard()
    assert drive.trade(tables, LONG, [prediction(0, 0.9)]) == first
    restored = drive.Tables(drive.instrument(SYMBOL))
    restored.restore(tables.commit())
    assert drive.trade(restored, LONG, [prediction(4_999, 0.9)]) == []
    assert len(drive.trade(restored, LONG, [prediction(5_000, 0.9)])) == 1


@pytest.mark.parametrize(
    "changed",
    [{"status": "close_only"}, {"status": "halted"}, {"min_qty": 2_000}, {"lot": "1"}],
)
def test_no_order_that_the_instrument_forbids(changed: dict[str, Any]) -> None:
    fields = drive.instrument(SYMBOL).model_dump() | changed
    assert orders(LONG, prediction(0, 0.9), instrument=Instrument(**fields)) == []


def test_no_order_for_a_symbol_without_instrument() -> None:
    assert drive.trade(drive.Tables(), LONG, [prediction(0, 0.9)]) == []


def test_no_bracket_below_zero() -> None:
    cheap = prediction(0, 0.9, bid=5, ask=6, mid2=11)
    assert orders(LONG, cheap) == []
