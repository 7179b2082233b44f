"""Replaces: what keeps an order's place, what loses it, and what is refused."""

import pytest

from tests.broker.exchange import Stage, instrument

ENTRY = "1-0-0"
STOP, PROFIT = f"{ENTRY}/sl", f"{ENTRY}/tp"


def resting() -> tuple[Stage, str, str]:
    """Two buys of 2 at 99, the first first, on a book of 100 / 100.1."""
    stage = Stage()
    first = stage.accept("buy", "limit", "2", price="99")
    second = stage.accept("buy", "limit", "2", price="99")
    stage.quote("100", "100.1")
    return stage, first, second


def bracket() -> Stage:
    """Long 10 with stop 49,900 and take profit 50,100."""
    stage = Stage()
    stage.accept("buy", "market", "10", stop_loss="49900", take_profit="50100")
    stage.quote("50000", "50000.1")
    return stage


def served_first(stage: Stage) -> str:
    stage.quote("98", "98.1", ask_size="0.5")
    return stage.fills[-1].order_id


def test_smaller_quantity_keeps_the_place() -> None:
    stage, first, _ = resting()
    stage.replace(first, qty="1")
    stage.quote("100", "100.1")
    assert stage.life(first) == ["WORKING", "REPLACED"]
    assert stage.tables.exchange.orders[first].remaining == 1000
    assert served_first(stage) == first


@pytest.mark.parametrize("change", [{"qty": "3"}, {"price": "99"}, {"price": "98.9"}])
def test_more_quantity_or_another_price_loses_the_place(change: dict[str, str]) -> None:
    stage, first, second = resting()
    stage.replace(first, **change)  # type: ignore[arg-type]  # texts
    stage.quote("100", "100.1")
    same = change == {"price": "99"}
    assert served_first(stage) == (first if same else second)


def test_price_that_is_marketable_takes_with_the_better_price() -> None:
    stage, first, _ = resting()
    stage.replace(first, price="101")
    stage.quote("100", "100.2")
    assert stage.filled() == [(first, "2", "100.2", "taker", "TAKER")]


def test_partly_filled_order_that_is_moved_into_the_market_takes() -> None:
    stage, first, _ = resting()
    stage.trade("98.9", "0.5")
    stage.replace(first, price="101")
    stage.quote("100", "100.2")
    assert stage.filled(1) == [(first, "1.5", "100.2", "taker", "TAKER")]


def test_exit_that_is_held_takes_its_new_price_and_is_armed_with_it() -> None:
    stage = Stage()
    stage.accept("buy", "limit", "1", price="49990", stop_loss="49900", take_profit="50100")
    stage.replace(PROFIT, price="50050")
    stage.quote("50000", "50000.1")
    assert stage.life(PROFIT) == ["HELD", "REPLACED"]
    stage.trade("49989.9", "1")
    stage.quote("50050", "50050.1")
    assert stage.filled(1) == [(PROFIT, "1", "50050", "maker", "THROUGH_QUOTE")]


@pytest.mark.parametrize(("qty", "armed"), [("7", 4000), ("12", 4000), ("3", 3000)])
def test_child_keeps_what_is_armed_of_it_and_waits_for_the_rest(qty: str, armed: int) -> None:
    stage = Stage()
    stage.accept("buy", "limit", "10", price="99")
    child = stage.accept("sell", "limit", "10", price="101", group_kind="oto", parent_id=ENTRY)
    stage.quote("100", "100.1")
    stage.trade("98.9", "4")
    stage.replace(child, qty=qty)
    stage.quote("100", "100.1")
    order = stage.tables.exchange.orders[child]
    assert (order.free, order.qty) == (armed, int(qty) * 1000)


def test_post_only_order_is_not_moved_into_the_market() -> None:
    stage = Stage()
    order = stage.accept("buy", "limit", "1", price="99", post_only=True)
    stage.quote("100", "100.1")
    stage.replace(order, price="100.1")
    stage.quote("100", "100.1")
    assert stage.life(order)[-1] == "REPLACE_REJECTED POST_ONLY_WOULD_TAKE"
    assert stage.tables.exchange.orders[order].price == 990


@pytest.mark.parametrize("qty", ["1", "1.5"])
def test_quantity_that_has_filled_already_cancels_the_rest(qty: str) -> None:
    stage, first, _ = resting()
    stage.trade("98.9", "1.5")
    stage.replace(first, qty=qty)
    stage.quote("100", "100.1")
    assert stage.life(first)[-1] == "CANCELLED REPLACED"
    assert stage.events[-1].filled == "1.5"


def test_replace_takes_effect_after_its_own_latency_and_is_pending_until_then() -> None:
    stage = Stage(instrument(latency_low_ms=100, latency_high_ms=100))
    order = stage.accept("buy", "limit", "2", price="99", at=0)
    stage.quote("100", "100.1", at=100)
    stage.replace(order, price="98", at=110)
    stage.trade("98.5", "1", at=150)
    assert (stage.fills[0].price, stage.events[-1].pending) == ("99", "replace")
    stage.replace(order, price="97", at=160)
    assert stage.life(order)[-1] == "REPLACE_REJECTED REPLACE_PENDING"
    stage.quote("100", "100.1", at=210)
    assert stage.life(order)[-1] == "REPLACED"
    assert (stage.events[-1].price, stage.events[-1].pending) == ("98", "none")
    assert stage.events[-1].command_ref != stage.events[0].command_ref


def test_fill_names_the_terms_in_force_and_the_command_of_its_order() -> None:
    stage, first, _ = resting()
    stage.replace(first, price="99.5")
    stage.quote("100", "100.1")
    stage.trade("99.4", "1")
    (fill,) = stage.fills
    assert (fill.order_ref.topic, fill.order_ref.offset) == ("orders", 0)
    assert fill.accepted_ref is not None and fill.accepted_ref.offset == 2


def test_replace_of_an_order_that_ended_on_the_way_is_answered_by_its_end() -> None:
    stage, first, _ = resting()
    stage.replace(first, qty="1")
    stage.cancel(first, reason="KILLED")
    seen = len(stage.outputs)
    stage.quote("100", "100.1")
    stage.replace(first, qty="1")
    assert len(stage.outputs) == seen


def test_replace_of_an_order_on_its_way_changes_it_before_it_matches() -> None:
    stage = Stage()
    order = stage.accept("buy", "limit", "1", price="101")
    stage.replace(order, price="99")
    stage.quote("100", "100.1")
    assert stage.life(order) == ["REPLACED", "WORKING"]


def test_protective_stop_moves_on_its_side_of_the_market_alone() -> None:
    stage = bracket()
    stage.replace(STOP, stop_price="49950")
    stage.quote("50000", "50000.1")
    assert stage.life(STOP)[-1] == "REPLACED"
    stage.replace(STOP, stop_price="50000")
    stage.quote("50000", "50000.1")
    assert stage.life(STOP)[-1] == "REPLACE_REJECTED STOP_CROSSED"
    stage.quote("49950", "49950.1")
    assert stage.filled(1) == [(STOP, "10", "49950", "taker", "STOP")]


@pytest.mark.parametrize(
    ("exit_id", "qty", "reason"),
    [(STOP, "4", "PROTECTION_REQUIRED"), (STOP, "12", "BRACKET_QTY"), (PROFIT, "4", "BRACKET_QTY")],
)
def test_quantity_of_an_exit_is_its_brackets(exit_id: str, qty: str, reason: str) -> None:
    stage = bracket()
    stage.replace(exit_id, qty=qty)
    stage.quote("50000", "50000.1")
    assert stage.life(exit_id)[-1] == f"REPLACE_REJECTED {reason}"


def test_take_profit_moves_and_joins_the_queue_anew() -> None:
    stage = bracket()
    stage.replace(PROFIT, price="50000.1")
    stage.quote("50000", "50000.1", ask_size="3")
    assert stage.tables.exchange.orders[PROFIT].queue == 3000


def test_trail_of_a_trailing_stop_counts_from_the_best_seen() -> None:
    stage = Stage()
    order = stage.accept("sell", "trailing_stop", "1", trail_ticks=10)
    stage.quote("100", "100.1")
    stage.quote("101", "101.1")
    stage.replace(order, trail_ticks=3)
    stage.quote("100.9", "101")
    assert stage.tables.exchange.orders[order].stop_price == 1007


def test_triggered_replace_of_a_stop_goes_off_at_once() -> None:
    stage = Stage()
    order = stage.accept("sell", "stop", "1", stop_price="99")
    stage.quote("100", "100.1")
    stage.replace(order, stop_price="100")
    stage.quote("100", "100.1")
    assert stage.life(order) == ["UNTRIGGERED", "REPLACED", "TRIGGERED", "FILLED"]
