"""Bars alone: of what a bar may have held, the worse for the account is assumed."""

from fractions import Fraction

import pytest

from tests.broker.exchange import Stage, instrument
from tests.broker.test_brackets import ENTRY, PROFIT, STOP, entered, net


@pytest.mark.parametrize(
    ("bar", "price", "money"),
    [
        (("50000", "50110", "49890", "49950"), "49900", "-2199.8012"),
        (("49800", "50110", "49790", "49950"), "49800", "-3198.6012"),
    ],
    ids=["stop before take profit", "open beyond the stop"],
)
def test_bar_that_reaches_the_stop_ends_with_the_published_money(
    bar: tuple[str, str, str, str], price: str, money: str
) -> None:
    stage = entered()
    stage.bar(*bar)
    assert stage.filled(1) == [(STOP, "10", price, "taker", "STOP")]
    assert stage.life(PROFIT)[-1] == "CANCELLED EXIT_COMPLETE"
    assert net(stage.fills) == Fraction(money)


def test_market_order_fills_at_the_open_of_the_next_bar() -> None:
    stage = Stage()
    stage.accept("buy", "market", "1")
    stage.bar("100", "110", "90", "105")
    assert stage.filled() == [(ENTRY, "1", "100", "taker", "TAKER")]


def test_order_that_was_not_active_at_the_start_waits_for_the_next_bar() -> None:
    stage = Stage(instrument(latency_low_ms=500, latency_high_ms=500))
    stage.accept("buy", "market", "1", at=0)
    stage.bar("100", "110", "90", "105", start=0)
    assert not stage.fills
    stage.bar("105", "110", "90", "105", start=1000)
    assert stage.fills[0].price == "105"


@pytest.mark.parametrize(("low", "fills"), [("99", 0), ("98.9", 1)])
def test_resting_limit_must_be_traded_through_and_fills_at_its_price(low: str, fills: int) -> None:
    stage = Stage()
    stage.accept("buy", "limit", "1", price="99")
    stage.bar("100", "101", low, "100")
    assert [fill.price for fill in stage.fills] == ["99"] * fills


def test_take_profit_is_not_reached_in_the_bar_of_its_own_entry_but_the_stop_is() -> None:
    won, lost = Stage(), Stage()
    for stage in (won, lost):
        stage.accept("buy", "limit", "1", price="99", stop_loss="95", take_profit="105")
    won.bar("100", "110", "98", "104")
    lost.bar("100", "110", "94", "104")
    assert won.filled() == [(ENTRY, "1", "99", "maker", "THROUGH_BAR")]
    assert lost.filled(1) == [(STOP, "1", "95", "taker", "STOP")]
    won.bar("104", "106", "100", "104")
    assert won.filled(1) == [(PROFIT, "1", "105", "maker", "THROUGH_BAR")]


def test_bar_that_opens_beyond_entry_and_stop_stops_out_at_the_open() -> None:
    stage = Stage()
    stage.accept("buy", "limit", "2", price="99", stop_loss="95")
    stage.bar("100", "101", "99.5", "100")
    stage.bar("94", "96", "93", "95", volume="10")
    assert stage.filled() == [(ENTRY, "1", "99", "maker", "THROUGH_BAR")]
    stage.bar("93.5", "96", "93", "95")
    assert stage.filled(1) == [(STOP, "1", "93.5", "taker", "STOP")]
    assert stage.life(ENTRY)[-1] == "CANCELLED STOP_CROSSED"


def test_at_most_a_tenth_of_the_volume_fills_for_all_orders_together() -> None:
    stage = Stage()
    first = stage.accept("buy", "market", "3", tif="GTC")
    second = stage.accept("buy", "limit", "3", price="99")
    stage.bar("100", "101", "98", "100", volume="40")
    assert [(fill.order_id, fill.qty) for fill in stage.fills] == [(first, "3"), (second, "1")]


def test_trailing_stop_meets_the_bar_with_its_old_stop_then_the_close_with_the_new_one() -> None:
    stage = Stage()
    stage.accept("sell", "trailing_stop", "1", trail_ticks=50)
    stage.bar("100", "100", "96", "100")
    stage.bar("100", "110", "96", "108")
    assert stage.tables.exchange.orders[ENTRY].stop_price == 1050
    stage.bar("108", "120", "106", "112")
    assert stage.filled() == [(ENTRY, "1", "115", "taker", "STOP")]


def test_trailing_stop_gapped_through_fills_at_the_open() -> None:
    stage = Stage()
    stage.accept("sell", "trailing_stop", "1", trail_ticks=50)
    stage.bar("100", "110", "100", "109")
    stage.bar("101", "120", "100", "119")
    assert stage.filled() == [(ENTRY, "1", "101", "taker", "STOP")]


def test_short_bracket_is_the_mirror() -> None:
    stage = Stage()
    stage.accept("sell", "market", "1", stop_loss="105", take_profit="95")
    stage.bar("100", "101", "99", "100")
    stage.bar("100", "106", "94", "100")
    assert stage.filled(1) == [(STOP, "1", "105", "taker", "STOP")]


@pytest.mark.parametrize("price", ["97", "98"])
def test_stop_limit_that_is_marketable_at_its_stop_takes_there(price: str) -> None:
    stage = Stage()
    stage.accept("sell", "stop_limit", "1", stop_price="98", price=price)
    stage.bar("100", "101", "97.5", "98")
    assert stage.filled() == [(ENTRY, "1", "98", "taker", "TAKER")]


def test_stop_limit_gapped_through_rests_for_the_next_bar() -> None:
    stage = Stage()
    stage.accept("sell", "stop_limit", "1", stop_price="98", price="97")
    stage.bar("96", "96.5", "95", "96")
    assert stage.life(ENTRY) == ["UNTRIGGERED", "TRIGGERED", "WORKING"]
    stage.bar("96", "97.1", "95", "96")
    assert stage.filled() == [(ENTRY, "1", "97", "maker", "THROUGH_BAR")]


def test_stop_by_trade_or_mark_goes_off_in_a_bar_too_and_slips_against_the_account() -> None:
    stage = Stage(instrument(slippage="fixed_bps", slippage_bps=11))
    stage.accept("sell", "stop", "1", stop_price="98", trigger="trade")
    stage.accept("sell", "stop", "1", stop_price="97", trigger="mark")
    stage.bar("100", "101", "96.5", "98")
    assert [(fill.price, fill.slippage_ticks) for fill in stage.fills] == [("97.8", 2), ("96.8", 2)]


@pytest.mark.parametrize(
    ("price", "filled"),
    [("100.5", ("100", "taker")), ("100", ("100", "taker")), ("99.9", ("99.9", "maker"))],
)
def test_limit_takes_at_an_open_that_it_reaches_and_rests_below(
    price: str, filled: tuple[str, str]
) -> None:
    stage = Stage()
    stage.accept("buy", "limit", "1", price=price)
    stage.bar("100", "101", "99", "100")
    assert [(fill.price, fill.liquidity) for fill in stage.fills] == [filled]


def test_order_for_which_no_volume_is_left_rests_on() -> None:
    stage = Stage()
    stage.accept("buy", "market", "1")
    waiting = stage.accept("buy", "limit", "2", price="99")
    stage.bar("100", "101", "98", "100", volume="10")
    assert stage.life(waiting) == ["WORKING"]


def test_fill_or_kill_fills_with_just_the_volume_that_is_there() -> None:
    stage = Stage()
    order = stage.accept("buy", "market", "1", tif="FOK")
    stage.bar("100", "101", "98", "100", volume="10")
    assert stage.life(order) == ["FILLED"]


def test_reduce_only_limit_ends_in_a_bar_with_the_position() -> None:
    stage = Stage()
    stage.accept("buy", "market", "1")
    order = stage.accept("sell", "limit", "3", price="102", reduce_only=True)
    stage.bar("100", "101", "98", "100")
    stage.bar("100", "103", "98", "100")
    assert stage.life(order)[-2:] == ["PARTIALLY_FILLED", "CANCELLED REDUCE_ONLY"]


@pytest.mark.parametrize(("high", "fills"), [("105", 2), ("104.9", 1)])
def test_short_is_stopped_in_its_own_bar_when_that_touches_the_stop(high: str, fills: int) -> None:
    stage = Stage()
    stage.accept("sell", "market", "1", stop_loss="105")
    stage.bar("100", high, "99", "100")
    assert len(stage.fills) == fills


def test_fills_of_a_bar_count_its_volume_down() -> None:
    stage = Stage()
    stage.accept("buy", "market", "3")
    stage.accept("buy", "limit", "2", price="99")
    stage.bar("100", "101", "98", "100", volume="100")
    lefts = [(fill.left_before, fill.left_after) for fill in stage.fills]
    assert lefts == [(10_000, 7000), (7000, 5000)]


def test_bar_in_which_a_quote_was_seen_matches_nothing() -> None:
    stage = entered()
    stage.quote("50000", "50000.1", at=500)
    stage.bar("50000", "50110", "49000", "49950", start=0)
    assert len(stage.fills) == 1


def test_same_bar_twice_fills_once() -> None:
    stage = Stage()
    stage.accept("buy", "market", "10", tif="GTC")
    for _ in range(2):
        stage.bar("100", "101", "99", "100", volume="10", start=0)
    assert [fill.qty for fill in stage.fills] == ["1"]


def test_protection_and_fill_or_kill_hold_in_bars() -> None:
    stage = Stage()
    bounded = stage.accept("buy", "market", "1", protection="99")
    whole = stage.accept("buy", "market", "5", tif="FOK")
    late = stage.accept("buy", "limit", "1", price="100", post_only=True)
    stage.bar("100", "101", "99.5", "100", volume="40")
    assert stage.life(bounded) == ["CANCELLED PROTECTION"]
    assert stage.life(whole) == ["CANCELLED FOK_UNFILLED"]
    assert stage.life(late) == ["REJECTED POST_ONLY_WOULD_TAKE"]


def test_cancels_and_expiries_come_before_a_bar_matches() -> None:
    stage = Stage()
    gone = stage.accept("buy", "limit", "1", price="99")
    stage.cancel(gone)
    stage.bar("100", "101", "98", "100")
    assert stage.life(gone) == ["CANCELLED CLIENT"]
