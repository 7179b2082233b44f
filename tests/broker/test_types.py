"""Stop limits, trailing stops, triggers, expiry and post-only: what each does at its market record."""

from typing import Any

import pytest

from streams.messages import OrderType, Trigger
from tests.broker.exchange import MS, START, Stage, instrument

ORDER = "1-0-0"


def armed(type_: OrderType, side: Any = "sell", **terms: Any) -> Stage:
    """A stop order that waits on a book of 100.0 / 100.1."""
    stage = Stage()
    stage.accept(side, type_, "1", **terms)
    stage.quote("100", "100.1")
    return stage


def test_stop_limit_that_is_marketable_at_its_trigger_takes() -> None:
    stage = armed("stop_limit", stop_price="99", price="98")
    stage.quote("98.5", "98.6")
    assert stage.filled() == [(ORDER, "1", "98.5", "taker", "TAKER")]
    assert stage.life(ORDER) == ["UNTRIGGERED", "TRIGGERED", "FILLED"]


def test_stop_limit_gapped_through_rests_and_fills_as_a_maker() -> None:
    stage = armed("stop_limit", stop_price="99", price="98.8")
    stage.quote("98.5", "98.6")
    assert stage.life(ORDER) == ["UNTRIGGERED", "TRIGGERED", "WORKING"]
    stage.quote("98.9", "99")
    assert stage.filled() == [(ORDER, "1", "98.8", "maker", "THROUGH_QUOTE")]


def test_stop_limit_with_fill_or_kill_is_whole_or_nothing_at_its_trigger() -> None:
    stage = armed("stop_limit", stop_price="99", price="98.8", tif="FOK")
    stage.quote("98.9", "99", bid_size="0.1")
    assert stage.life(ORDER)[-1] == "CANCELLED FOK_UNFILLED"


@pytest.mark.parametrize(
    ("trigger", "quiet", "loud"),
    [
        ("quote", ("trade", "98"), ("quote", "99", "99.5")),
        ("trade", ("quote", "98", "98.1"), ("trade", "99")),
        ("mark", ("quote", "98.9", "99.2"), ("quote", "98.8", "99.2")),
    ],
)
def test_stop_watches_only_its_own_trigger(
    trigger: Trigger, quiet: tuple[str, ...], loud: tuple[str, ...]
) -> None:
    stage = armed("stop", stop_price="99", trigger=trigger)
    show(stage, *quiet)
    assert stage.life(ORDER) == ["UNTRIGGERED"]
    show(stage, *loud)
    assert stage.life(ORDER)[1] == "TRIGGERED"


def show(stage: Stage, kind: str, *prices: str) -> None:
    """A quote or a trade of ample size."""
    if kind == "quote":
        stage.quote(prices[0], prices[1])
    else:
        stage.trade(prices[0], "1")


@pytest.mark.parametrize(("bid", "price"), [("99.5", "98.9"), ("98.5", "98.5")])
def test_stop_set_off_by_a_trade_fills_at_the_worse_of_trade_and_quote(
    bid: str, price: str
) -> None:
    stage = armed("stop", stop_price="99", trigger="trade")
    stage.quote(bid, "100.1")
    stage.trade("98.9", "1")
    (fill,) = stage.fills
    assert (fill.price, fill.rule) == (price, "STOP")
    assert fill.trigger_ref == fill.cause and fill.cause.topic == "market.trades"


def test_stop_that_is_younger_than_the_quote_waits_for_the_next_after_a_trade_sets_it_off() -> None:
    stage = Stage()
    stage.accept("buy", "limit", "1", price="99.9", stop_loss="99", stop_loss_trigger="trade", at=0)
    stage.quote("100", "100.1", at=1)
    stage.trade("99.8", "1", at=2)
    stage.trade("98.9", "1", at=3)
    assert stage.life(f"{ORDER}/sl")[-1] == "TRIGGERED"
    assert len(stage.fills) == 1
    stage.quote("98.7", "98.8", at=4)
    assert stage.filled(1) == [(f"{ORDER}/sl", "1", "98.7", "taker", "STOP")]


def test_trailing_stop_tests_the_old_stop_then_tightens_and_never_loosens() -> None:
    stage = armed("trailing_stop", trail_ticks=10)
    stops = [stage.tables.exchange.orders[ORDER].stop_price]
    for bid in ("100.5", "100.2", "101", "100.1"):
        stage.quote(bid, "102")
        order = stage.tables.exchange.orders.get(ORDER)
        stops.append(order.stop_price if order is not None else 0)
    assert stops == [990, 995, 995, 1000, 1000]
    stage.quote("100", "102")
    assert stage.filled() == [(ORDER, "1", "100", "taker", "STOP")]


def test_trailing_buy_stop_follows_the_ask_down() -> None:
    stage = armed("trailing_stop", "buy", trail_ticks=5)
    stage.quote("99", "99.1")
    stage.quote("99.5", "99.6")
    assert stage.filled() == [(ORDER, "1", "99.6", "taker", "STOP")]


def test_trail_in_basis_points_is_turned_into_ticks_at_activation_rounded_up() -> None:
    stage = armed("trailing_stop", trail_bps=25)
    order = stage.tables.exchange.orders[ORDER]
    assert (order.trail_ticks, order.stop_price) == (3, 997)
    stage.quote("200", "200.1")
    assert stage.tables.exchange.orders[ORDER].stop_price == 1997


def test_trailing_stop_by_trade_follows_trades_and_by_mark_the_mid() -> None:
    by_trade = armed("trailing_stop", trail_ticks=10, trigger="trade")
    by_mark = armed("trailing_stop", trail_ticks=10, trigger="mark")
    for stage in (by_trade, by_mark):
        stage.quote("101", "103")
        stage.trade("101.5", "1")
    assert by_trade.tables.exchange.orders[ORDER].stop_price == 1005
    assert by_mark.tables.exchange.orders[ORDER].stop_price == 1010


def test_good_till_date_expires_before_the_record_of_its_time_matches() -> None:
    stage = Stage()
    stage.accept("buy", "limit", "1", price="99", tif="GTD", expire_at=START + 10 * MS, at=0)
    stage.quote("100", "100.1", at=5)
    stage.trade("99", "1", at=9)
    stage.quote("98", "98.1", at=10)
    assert stage.life(ORDER) == ["WORKING", "EXPIRED"]
    assert not stage.fills


def test_expiry_is_found_by_a_trade_too_and_ends_a_bracket_that_never_opened() -> None:
    stage = Stage()
    stage.accept(
        "buy", "limit", "1", price="99", stop_loss="98", tif="GTD", expire_at=START + 10 * MS, at=0
    )
    stage.quote("100", "100.1", at=5)
    stage.trade("100", "1", at=11)
    assert stage.life(ORDER)[-1] == "EXPIRED"
    assert stage.life(f"{ORDER}/sl")[-1] == "CANCELLED PARENT_ENDED"


@pytest.mark.parametrize(
    ("price", "life"),
    [("100.1", ["REJECTED POST_ONLY_WOULD_TAKE"]), ("100", ["WORKING"])],
)
def test_post_only_never_takes(price: str, life: list[str]) -> None:
    stage = Stage()
    stage.accept("buy", "limit", "1", price=price, post_only=True)
    stage.quote("100", "100.1")
    assert stage.life(ORDER) == life
    assert not stage.fills


@pytest.mark.parametrize("mode", ["production", "", "SIM"])
def test_order_of_any_other_mode_is_rejected(mode: str) -> None:
    stage = Stage()
    order = stage.accept("buy", "market", "1", mode=mode, stop_loss="90")
    stage.quote("100", "100.1")
    assert stage.life(order) == ["REJECTED NOT_SIM"]
    assert not stage.fills and not dict(stage.tables.exchange.orders.items())


def test_flattening_cancel_takes_the_protective_stop_and_its_bracket() -> None:
    stage = Stage(instrument(latency_low_ms=100, latency_high_ms=100))
    stage.accept("buy", "market", "1", stop_loss="99", take_profit="102", at=0)
    stage.quote("100", "100.1", at=100)
    stage.cancel(f"{ORDER}/sl", reason="FLATTENED")
    stage.cancel(f"{ORDER}/tp", reason="FLATTENED")
    assert stage.life(f"{ORDER}/sl")[-1] == "CANCELLED FLATTENED"
    assert stage.life(f"{ORDER}/tp")[-1] == "CANCELLED EXIT_COMPLETE"
    assert not dict(stage.tables.exchange.brackets.items())


@pytest.mark.parametrize("flags", ["late", "suspect", "stale"])
def test_flagged_quote_fills_triggers_and_tightens_nothing(flags: Any) -> None:
    stage = armed("trailing_stop", trail_ticks=10)
    before = stage.tables.exchange.orders[ORDER]
    stage.quote("200", "200.1", flags=flags)
    stage.quote("90", "90.1", flags=flags)
    assert stage.tables.exchange.orders[ORDER] == before


def test_suspect_trade_fills_and_triggers_nothing() -> None:
    stage = Stage()
    stage.accept("buy", "limit", "1", price="99")
    stop = stage.accept("sell", "stop", "1", stop_price="99", trigger="trade")
    stage.quote("100", "100.1")
    stage.trade("90", "1", flags="suspect")
    assert not stage.fills and stage.life(stop) == ["UNTRIGGERED"]
