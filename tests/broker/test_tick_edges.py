"""Ticks at the edge of what may be passed over: an equal price, an equal time, the first record after a commit."""

from typing import Any

import pytest

from streams import topics
from streams.ids import Ref
from streams.messages import Fill
from tests.broker.exchange import SYMBOL, Stage, instrument


@pytest.mark.parametrize(
    ("side", "price", "before", "at"),
    [
        ("sell", "100.5", ("100", "100.2"), ("100.5", "100.6")),
        ("buy", "100", ("100.2", "100.5"), ("99.9", "100")),
    ],
)
def test_quote_that_just_touches_a_limit_is_matched(
    side: Any, price: str, before: tuple[str, str], at: tuple[str, str]
) -> None:
    stage = Stage()
    stage.accept(side, "limit", "1", price=price)
    stage.quote(*before)
    stage.quote(*before)
    stage.quote(*at)
    assert [fill.price for fill in stage.fills] == [price]


def test_trade_that_just_touches_a_sell_limit_takes_its_queue_down() -> None:
    stage = Stage()
    stage.accept("sell", "limit", "1", price="100.5")
    stage.quote("100", "100.5", ask_size="2")
    stage.trade("100.5", "3", side="buy")
    assert [(fill.qty, fill.rule) for fill in stage.fills] == [("1", "QUEUE")]


def test_late_quote_is_late_in_the_first_record_of_a_chunk_too() -> None:
    stage = Stage()
    stage.accept("buy", "limit", "1", price="100")
    stage.quote("100.5", "100.6", at=10)
    stage.commit()
    stage.quote("99", "99.1", at=9, sequence=0)
    assert not stage.fills and stage.bid_standing() == 1005


def test_second_quote_of_an_instant_counts() -> None:
    stage = Stage()
    stage.accept("buy", "limit", "1", price="100")
    stage.quote("100.5", "100.6", at=10)
    stage.quote("99.8", "99.9", at=10)
    assert [fill.price for fill in stage.fills] == ["100"]


def test_trade_of_a_symbol_that_nobody_orders_does_nothing() -> None:
    assert Stage().trade("100", "1") == []


def test_trade_before_any_quote_or_after_bars_alone_finds_no_book() -> None:
    stage = Stage()
    stage.accept("buy", "market", "1", tif="GTC")
    stage.trade("100", "1")
    stage.bar("100", "100", "100", "100", volume="0")
    stage.trade("100", "1")
    assert not stage.fills


def test_trade_takes_no_more_of_the_standing_quote_than_is_left() -> None:
    stage = Stage()
    for stop in ("99.9", "99.8"):
        stage.accept(
            "sell", "stop", "1", stop_price=stop, trigger="trade", reduce_only=False, tif="GTC"
        )
    stage.quote("100", "100.1", bid_size="1")
    stage.trade("99.9", "1")
    stage.trade("99.8", "1")
    assert [(fill.price, fill.block) for fill in stage.fills] == [("99.9", 0), ("99.8", 1)]


def test_trade_meets_the_size_that_the_instrument_assumes() -> None:
    stage = Stage(instrument(assume_size=1000))
    stage.accept("sell", "stop", "1", stop_price="99.9", trigger="trade", tif="GTC")
    stage.quote("100", "100.1", bid_size="0", ask_size="0")
    stage.trade("99.9", "1")
    assert [fill.qty for fill in stage.fills] == ["1"]


def test_cancel_names_the_command_that_asked_for_it() -> None:
    stage = Stage(instrument(latency="constant", latency_low_ms=5, latency_high_ms=5))
    order_id = stage.accept("buy", "limit", "1", price="99")
    stage.quote("100", "100.1", at=5)
    stage.cancel(order_id)
    (cancelled,) = stage.quote("100", "100.1", at=20)
    assert (cancelled.type, cancelled.command_ref) == ("CANCELLED", Ref("orders", 0, 10_001))


def test_fills_go_to_the_account_and_those_of_a_strategy_to_its_symbol_too() -> None:
    stage = Stage()
    stage.accept("buy", "market", "1", strategy="s")
    stage.quote("100", "100.1")
    sent = [(o.topic, o.key) for o in stage.outputs if isinstance(o.message, Fill)]
    assert sent == [(topics.FILLS, "paper"), (topics.STRATEGY_FILLS, SYMBOL)]
