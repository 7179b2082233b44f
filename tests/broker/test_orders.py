"""Orders at the exchange: types, time in force, latency, what a tick may and may not fill."""

from typing import Any

import pytest

from streams.messages import Fill, OrderType
from tests.broker.exchange import MS, START, SYMBOL, Stage, copy, instrument

ORDER = "1-0-0"


def test_order_waits_out_its_latency_and_fills_at_the_first_quote_after_it() -> None:
    stage = Stage(instrument(latency_low_ms=120, latency_high_ms=120))
    stage.accept("buy", "market", "1", at=0)
    stage.quote("99.9", "100", at=0)
    stage.quote("100.4", "100.5", at=100)
    stage.quote("98.9", "99", at=150)
    (fill,) = stage.fills
    assert (fill.price, fill.time, fill.active_at) == ("99", START + 150 * MS, START + 120 * MS)


def test_order_waits_for_a_record_when_none_follows_its_latency() -> None:
    stage = Stage(instrument(latency_low_ms=120, latency_high_ms=120))
    stage.accept("buy", "market", "1", at=0)
    stage.quote("100.4", "100.5", at=100)
    assert not stage.fills
    stage.quote("100.4", "100.5", at=1100, flags="repeat")
    assert stage.filled() == [(ORDER, "1", "100.5", "taker", "TAKER")]


def test_latency_counts_from_the_clock_of_the_market_when_that_is_ahead() -> None:
    stage = Stage(instrument(latency_low_ms=50, latency_high_ms=50))
    stage.quote("100", "100.1", at=1000)
    stage.accept("buy", "market", "1", at=10)
    stage.quote("100", "100.1", at=1049)
    assert not stage.fills
    stage.quote("100", "100.1", at=1050)
    assert stage.fills[0].active_at == START + 1050 * MS


def test_quote_at_the_very_activation_fills() -> None:
    stage = Stage(instrument(latency_low_ms=120, latency_high_ms=120))
    stage.accept("buy", "market", "1", at=0)
    stage.quote("100", "100.1", at=120)
    assert stage.fills


@pytest.mark.parametrize(
    ("type_", "terms", "quotes", "life"),
    [
        ("market", {}, [("100", "101", "9", "9")], ["FILLED"]),
        ("market", {}, [("100", "101", "1", "0.1")], ["PARTIALLY_FILLED"] * 11 + ["CANCELLED IOC_REST"]),
        ("market", {"tif": "FOK"}, [("100", "101", "1", "0.5")], ["FILLED"]),
        ("market", {"tif": "FOK"}, [("100", "101", "1", "0.09")], ["CANCELLED FOK_UNFILLED"]),
        ("market", {"tif": "GTC"}, [("100", "101", "9", "0.2"), ("100", "102", "9", "9")], ["FILLED"]),
        ("market", {"protection": "100.9"}, [("100", "101", "9", "9")], ["CANCELLED PROTECTION"]),
        ("market", {"protection": "101.1", "tif": "GTC"}, [("100", "101", "9", "0.4")], ["CANCELLED PROTECTION"]),
        ("limit", {"price": "100"}, [("100", "101", "9", "9")], ["WORKING"]),
        ("limit", {"price": "100", "tif": "IOC"}, [("100", "101", "9", "9")], ["CANCELLED IOC_REST"]),
        ("limit", {"price": "100", "tif": "FOK"}, [("100", "101", "9", "9")], ["CANCELLED FOK_UNFILLED"]),
        ("limit", {"price": "102"}, [("100", "101", "9", "9")], ["FILLED"]),
        ("limit", {"price": "101", "tif": "IOC"}, [("100", "101", "9", "0.9")], ["CANCELLED IOC_REST"]),
        ("limit", {"price": "101", "tif": "FOK"}, [("100", "101", "9", "0.9")], ["CANCELLED FOK_UNFILLED"]),
        ("limit", {"price": "100"}, [("100", "101", "9", "9"), ("99", "100", "9", "9")], ["WORKING", "FILLED"]),
        ("stop", {"stop_price": "102"}, [("100", "101", "9", "9")], ["UNTRIGGERED"]),
        ("stop", {"stop_price": "101"}, [("100", "101", "9", "9")], ["UNTRIGGERED", "TRIGGERED", "FILLED"]),
        ("stop", {"stop_price": "101", "protection": "101"}, [("100", "101.1", "9", "9")], ["CANCELLED PROTECTION"]),
    ],
)  # fmt: skip
def test_types_and_time_in_force(
    type_: OrderType,
    terms: dict[str, Any],
    quotes: list[tuple[str, str, str, str]],
    life: list[str],
) -> None:
    stage = Stage()
    stage.accept("buy", type_, "1.9" if life[-1] == "CANCELLED IOC_REST" else "1", **terms)
    for quote in quotes:
        stage.quote(*quote)
    assert stage.life(ORDER)[-len(life) :] == life


def test_marketable_limit_takes_up_to_its_price_and_the_rest_rests() -> None:
    stage = Stage()
    stage.accept("buy", "limit", "10", price="101.1")
    stage.quote("100", "101", ask_size="3")
    assert stage.filled() == [
        (ORDER, "3", "101", "taker", "TAKER"),
        (ORDER, "3", "101.1", "taker", "WALK"),
    ]
    stage.quote("100", "100.5", ask_size="2")
    assert stage.filled(2) == [(ORDER, "2", "101.1", "maker", "THROUGH_QUOTE")]
    assert stage.life(ORDER) == ["PARTIALLY_FILLED"] * 3


def test_stop_gapped_through_fills_at_market() -> None:
    stage = Stage()
    stage.accept("buy", "market", "1")
    stop = stage.accept("sell", "stop", "1", stop_price="49900", reduce_only=True)
    stage.quote("50000", "50000.1")
    stage.quote("49850", "49850.1")
    assert stage.filled(1) == [(stop, "1", "49850", "taker", "STOP")]


def test_walk_ends_after_its_blocks_and_a_good_till_cancelled_rest_waits_for_a_new_price() -> None:
    stage = Stage()
    stage.accept("sell", "market", "20", tif="GTC")
    stage.quote("100", "100.1", bid_size="1")
    assert [fill.price for fill in stage.fills[-2:]] == ["99.1", "99"]
    assert len(stage.fills) == 11
    stage.quote("100", "100.1", bid_size="1", flags="repeat")
    assert len(stage.fills) == 11
    stage.quote("99.9", "100.1", bid_size="1")
    assert len(stage.fills) == 20


@pytest.mark.parametrize(
    ("price", "side", "expected"),
    [("49989.9", "sell", 1), ("49989.9", "buy", 1), ("49990", "sell", 0), ("49990.1", "sell", 0)],
)
def test_trade_fills_a_resting_buy_only_when_it_goes_through_the_limit(
    price: str, side: str, expected: int
) -> None:
    stage = Stage()
    stage.accept("buy", "limit", "1", price="49990")
    stage.quote("50000", "50000.1")
    stage.trade(price, "4", side="sell" if side == "sell" else "buy")
    assert len(stage.fills) == expected
    assert all(fill.price == "49990" for fill in stage.fills)


def test_size_of_a_trade_is_used_once_best_price_first() -> None:
    stage = Stage()
    low = stage.accept("buy", "limit", "3", price="49990")
    high = stage.accept("buy", "limit", "3", price="49991")
    stage.quote("50000", "50000.1")
    stage.trade("49980", "4")
    assert [(fill.order_id, fill.qty) for fill in stage.fills] == [(high, "3"), (low, "1")]


def test_displayed_size_is_used_once_and_only_growth_or_a_new_price_renews_it() -> None:
    stage = Stage()
    for size, flags, filled in [
        ("5", "", "5"),
        ("5", "repeat", ""),
        ("7", "", "2"),
        ("3", "", ""),
        ("3", "repeat", ""),
    ]:
        seen = len(stage.fills)
        stage.accept("buy", "limit", "20", price="101", tif="IOC")
        stage.quote("100", "101", ask_size=size, flags="repeat" if flags else "")
        assert "".join(fill.qty for fill in stage.fills[seen:]) == filled
    stage.accept("buy", "limit", "20", price="102", tif="IOC")
    stage.quote("100", "100.9", ask_size="1")
    assert stage.fills[-1].price == "101.9"


def test_walked_blocks_are_used_once_too() -> None:
    stage = Stage()
    first = stage.accept("buy", "market", "3")
    second = stage.accept("buy", "market", "3")
    stage.quote("100", "101", ask_size="2")
    assert [(fill.order_id, fill.qty, fill.price) for fill in stage.fills] == [
        (first, "2", "101"),
        (first, "1", "101.1"),
        (second, "1", "101.1"),
        (second, "2", "101.2"),
    ]


def test_used_sizes_are_remembered_when_no_order_is_left() -> None:
    stage = Stage()
    stage.accept("buy", "market", "2")
    stage.quote("100", "101", ask_size="2")
    assert not stage.tables.exchange.index.books[SYMBOL].live
    stage.accept("buy", "limit", "1", price="101", tif="IOC")
    stage.quote("100", "101", ask_size="2", flags="repeat")
    assert len(stage.fills) == 1
    stage.quote("100", "101.5", ask_size="2")
    assert SYMBOL not in stage.tables.exchange.index.books
    assert SYMBOL not in stage.tables.exchange.standing


@pytest.mark.parametrize(
    "quote",
    [
        {"bid": "49000", "ask": "49000.1", "flags": "stale"},
        {"bid": "49000.1", "ask": "49000"},
        {"bid": "0", "ask": "49000.1", "bid_size": "0"},
        {"bid": "49000", "ask": "49000.1", "bid_size": "0"},
    ],
    ids=["stale", "crossed", "no bid", "no size"],
)
def test_unusable_quote_triggers_and_fills_nothing(quote: dict[str, str]) -> None:
    stage = Stage()
    stage.accept("buy", "market", "1")
    stage.accept("sell", "stop", "1", stop_price="49900")
    stage.quote("50000", "50000.1")
    waiting = stage.accept("sell", "market", "1")
    seen = len(stage.outputs)
    assert stage.quote(**quote) == []  # type: ignore[arg-type]  # flags among other texts
    assert len(stage.outputs) == seen
    assert stage.tables.exchange.orders[waiting].state == "ACCEPTED"


def test_one_sided_book_fills_on_the_side_that_is_there() -> None:
    stage = Stage()
    buy = stage.accept("buy", "market", "1")
    sell = stage.accept("sell", "market", "1")
    stage.quote("50000", "0", ask_size="0")
    assert [fill.order_id for fill in stage.fills] == [sell]
    assert stage.tables.exchange.orders[buy].state == "ACCEPTED"


def test_locked_book_is_valid() -> None:
    stage = Stage()
    stage.accept("buy", "market", "1")
    stage.quote("50000", "50000")
    assert stage.fills[0].price == "50000"


def test_quote_out_of_order_fills_nothing_and_moves_the_book_only_by_a_newer_sequence() -> None:
    stage = Stage()
    stage.accept("buy", "limit", "1", price="49000")
    stage.quote("50000", "50000.1", at=1000)
    assert stage.quote("48000", "48000.1", at=900, sequence=0) == []
    assert stage.bid_standing() == 500_000
    assert stage.quote("48000", "48000.1", at=950) == []
    assert stage.bid_standing() == 480_000


@pytest.mark.parametrize(("at", "fills"), [(3000, 1), (3001, 0)])
def test_trade_fills_nothing_once_the_quotes_have_gone_stale(at: int, fills: int) -> None:
    stage = Stage()
    stage.accept("buy", "limit", "1", price="49000")
    stage.quote("50000", "50000.1", at=1000)
    stage.trade("48000", "1", at=at)
    assert len(stage.fills) == fills


def test_trade_older_than_the_activation_fills_nothing() -> None:
    stage = Stage()
    stage.accept("buy", "limit", "1", price="49000", at=500)
    stage.quote("50000", "50000.1", at=1000)
    stage.trade("48000", "1", at=400)
    assert not stage.fills


def test_halted_instrument_keeps_orders_waiting_but_lets_them_be_cancelled() -> None:
    stage = Stage(instrument(status="halted"))
    waiting = stage.accept("buy", "market", "1")
    gone = stage.accept("buy", "market", "1")
    stage.cancel(gone)
    stage.quote("50000", "50000.1")
    assert stage.life(gone) == ["CANCELLED CLIENT"]
    assert stage.tables.exchange.orders[waiting].state == "ACCEPTED"


@pytest.mark.parametrize(
    ("status", "reason"), [("trading", "WAITING NO_BOOK"), ("halted", "WAITING HALTED")]
)
def test_order_that_waits_a_minute_for_a_book_says_so_once(status: str, reason: str) -> None:
    stage = Stage(instrument(status=status))
    order = stage.accept("sell", "market", "1", at=0)
    for at in (1, 59_999, 60_000, 61_000):
        stage.quote("50000.1", "50000", at=at)
        assert stage.life(order) == ([reason] if at >= 60_000 else [])


def test_reduce_only_is_clamped_to_the_position_at_match_time() -> None:
    stage = Stage()
    stage.accept("buy", "market", "3")
    stage.quote("50000", "50000.1")
    stage.accept("sell", "market", "5", reduce_only=True)
    more = stage.accept("sell", "market", "1", reduce_only=True)
    stage.quote("50000", "50000.1")
    assert [fill.qty for fill in stage.fills] == ["3", "3"]
    assert stage.life("1-0-1") == ["PARTIALLY_FILLED", "CANCELLED REDUCE_ONLY"]
    assert stage.life(more) == ["CANCELLED REDUCE_ONLY"]


def test_resting_reduce_only_order_never_flips_the_position() -> None:
    stage = Stage()
    stage.accept("buy", "market", "3")
    stage.accept("sell", "limit", "5", price="50100", reduce_only=True)
    stage.quote("50000", "50000.1")
    stage.quote("50200", "50200.1", bid_size="2")
    stage.quote("50201", "50201.1", bid_size="4")
    assert [fill.qty for fill in stage.fills[1:]] == ["2", "1"]
    assert stage.life("1-0-1")[-1] == "CANCELLED REDUCE_ONLY"


def test_cancel_takes_effect_after_its_own_latency_and_a_kill_at_once() -> None:
    stage = Stage(instrument(latency_low_ms=100, latency_high_ms=100))
    first = stage.accept("buy", "limit", "1", price="49000", at=0)
    second = stage.accept("buy", "limit", "1", price="49000", at=0)
    stage.quote("50000", "50000.1", at=100)
    stage.cancel(first, at=150)
    (killed,) = stage.cancel(second, at=160, reason="KILLED")
    assert (killed.type, killed.reason, killed.rev) == ("CANCELLED", "KILLED", 2)
    stage.quote("50000", "50000.1", at=249)
    assert stage.life(first) == ["WORKING"]
    stage.trade("50000", "1", at=250)
    assert stage.life(first)[-1] == "CANCELLED CLIENT"


def test_order_under_cancel_can_still_fill() -> None:
    stage = Stage(instrument(latency_low_ms=100, latency_high_ms=100))
    order = stage.accept("buy", "limit", "1", price="49000", at=0)
    stage.quote("50000", "50000.1", at=100)
    stage.cancel(order, at=150)
    stage.quote("48000", "48000.1", at=200)
    stage.quote("48000", "48000.1", at=300)
    assert stage.life(order) == ["WORKING", "FILLED"]


def test_cancel_in_the_same_record_as_its_order_comes_before_any_match() -> None:
    stage = Stage()
    order = stage.accept("buy", "market", "1")
    stage.cancel(order)
    stage.quote("50000", "50000.1")
    assert stage.life(order) == ["CANCELLED CLIENT"]


def test_cancel_of_an_ended_or_unknown_order_says_nothing() -> None:
    stage = Stage()
    order = stage.accept("buy", "market", "1")
    stage.quote("50000", "50000.1")
    assert stage.cancel(order) == []
    assert stage.cancel("1-0-77", reason="KILLED") == []


def test_order_of_an_unknown_instrument_is_rejected_once() -> None:
    stage = Stage()
    stage.tables.instruments.delete(SYMBOL)
    order = stage.accept("buy", "market", "1", stop_loss="49900")
    stage.quote("50000", "50000.1")
    assert stage.life(order) == ["REJECTED UNKNOWN_SYMBOL"]


def test_take_profit_without_a_stop_is_rejected() -> None:
    stage = Stage()
    order = stage.accept("buy", "market", "1", take_profit="50100")
    assert stage.life(order) == ["REJECTED BRACKET_INVALID"]


def test_two_orders_never_fill_each_other() -> None:
    stage = Stage()
    stage.accept("buy", "limit", "1", price="50050")
    stage.accept("sell", "limit", "1", price="50040", account="other")
    stage.quote("50000", "50100")
    assert not stage.fills


def test_resting_limits_are_served_by_price_then_activation() -> None:
    stage = Stage()
    late = stage.accept("buy", "limit", "1", price="49990", at=2)
    early = stage.accept("buy", "limit", "1", price="49990", at=1)
    best = stage.accept("buy", "limit", "1", price="49991", at=3)
    stage.quote("50000", "50000.1", at=10)
    stage.quote("49980", "49980.1", ask_size="2.5", at=20)
    assert [fill.order_id for fill in stage.fills] == [best, late, early]


def test_fill_names_its_inputs() -> None:
    stage = Stage()
    stage.accept("buy", "market", "2", strategy="signal")
    stage.quote("50000", "50000.1", ask_size="1")
    first, second = stage.fills
    assert isinstance(first, Fill)
    assert (first.fill_id, second.fill_id) == ("1-0-0:0:0:0", "1-0-0:0:0:1")
    assert (tuple(first.cause), tuple(first.order_ref)) == (
        ("market.quotes", 0, 0),
        ("orders", 0, 0),
    )
    assert (first.bid, first.ask, first.fee_rate, first.strategy) == (
        500_000,
        500_001,
        1200,
        "signal",
    )
    assert (first.notional, first.fee) == ("50000.1", "60.00012")
    assert copy(second, fill_id=first.fill_id, price=first.price).rule == "WALK"


def test_symbols_of_one_cell_do_not_see_each_other() -> None:
    stage = Stage(instrument(), instrument(symbol="ETH/USD.TEST", base="ETH"))
    stage.accept("buy", "limit", "1", price="4000", symbol="ETH/USD.TEST")
    stage.quote("3000", "3000.1")
    assert not stage.outputs
    stage.quote("3000", "3000.1", symbol="ETH/USD.TEST")
    assert [fill.price for fill in stage.fills] == ["3000.1"]
