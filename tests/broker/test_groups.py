"""Groups: one cancels the other, one shrinks the other, one order's fills arm another."""

from typing import Any

from tests.broker.exchange import Stage

PARENT, CHILD = "1-0-0", "1-0-1"


def pair(kind: str, *quantities: str) -> tuple[Stage, str, str]:
    """A buy at 99 and a sell at 101 in one group, on a book of 100 / 100.1."""
    stage = Stage()
    group: dict[str, Any] = {"group_id": "g", "group_kind": kind}
    buy = stage.accept("buy", "limit", quantities[0], price="99", **group)
    sell = stage.accept("sell", "limit", quantities[1], price="101", **group)
    stage.quote("100", "100.1")
    return stage, buy, sell


def family(qty: str = "10", kind: Any = "limit", **terms: Any) -> Stage:
    """A buy of 10 at 99 whose fills arm a child."""
    stage = Stage()
    stage.accept("buy", "limit", "10", price="99")
    defaults = {"price": "101"} if kind == "limit" else {}
    child: dict[str, Any] = {"group_kind": "oto", "parent_id": PARENT} | defaults | terms
    stage.accept("sell", kind, qty, **child)
    stage.quote("100", "100.1")
    return stage


def test_any_fill_of_one_cancels_the_other_at_once() -> None:
    stage, buy, sell = pair("oco", "5", "5")
    stage.trade("98.9", "1")
    assert stage.life(sell)[-1] == "CANCELLED GROUP_FILLED"
    assert stage.life(buy)[-1] == "PARTIALLY_FILLED"


def test_fill_of_one_shrinks_the_other_by_as_much() -> None:
    stage, _, sell = pair("ouo", "5", "5")
    stage.trade("98.9", "2")
    assert stage.life(sell)[-1] == "RESTATED"
    assert stage.tables.exchange.orders[sell].remaining == 3000
    stage.trade("98.9", "3")
    assert stage.life(sell)[-1] == "CANCELLED GROUP_FILLED"


def test_member_that_comes_after_a_fill_is_treated_as_if_it_had_been_there() -> None:
    for kind, left in (("oco", None), ("ouo", 2000)):
        stage, _, _ = pair(kind, "5", "5")
        stage.trade("98.9", "3")
        late = stage.accept("sell", "limit", "5", price="102", group_id="g", group_kind=kind)
        order = stage.tables.exchange.orders.get(late)
        assert (order.remaining if order is not None else None) == left


def test_groups_of_two_accounts_do_not_see_each_other() -> None:
    stage, _, _ = pair("oco", "5", "5")
    other = stage.accept(
        "buy", "limit", "1", price="98", group_id="g", group_kind="oco", account="other"
    )
    stage.quote("100", "100.1")
    stage.trade("98.9", "1")
    assert stage.life(other) == ["WORKING"]


def test_each_fill_of_the_parent_arms_exactly_that_much_of_the_child() -> None:
    stage = family()
    assert stage.life(CHILD) == ["HELD"]
    stage.trade("98.9", "4")
    stage.quote("102", "102.1")
    assert stage.filled(1) == [(CHILD, "4", "101", "maker", "THROUGH_QUOTE")]
    stage.quote("103", "103.1")
    assert len(stage.fills) == 2
    stage.trade("98.9", "6")
    assert stage.filled(3) == [(CHILD, "6", "103", "taker", "TAKER")]
    assert stage.life(CHILD)[-1] == "FILLED"


def test_parent_that_ends_unfilled_ends_the_child() -> None:
    stage = family()
    stage.cancel(PARENT, reason="KILLED")
    assert stage.life(CHILD) == ["HELD", "CANCELLED PARENT_ENDED"]


def test_parent_that_ends_in_part_leaves_the_child_with_what_is_armed() -> None:
    stage = family()
    stage.trade("98.9", "4")
    stage.cancel(PARENT, reason="KILLED")
    assert stage.life(CHILD)[-1] == "RESTATED"
    assert stage.tables.exchange.orders[CHILD].remaining == 4000


def test_child_of_an_order_that_is_gone_ends_at_once() -> None:
    stage = Stage()
    child = stage.accept("sell", "limit", "1", price="101", group_kind="oto", parent_id="1-0-77")
    assert stage.life(child) == ["CANCELLED PARENT_ENDED"]


def test_child_that_comes_after_a_fill_starts_with_what_it_armed() -> None:
    stage = Stage()
    stage.accept("buy", "limit", "10", price="99")
    stage.quote("100", "100.1")
    stage.trade("98.9", "4")
    stage.accept("sell", "limit", "10", price="101", group_kind="oto", parent_id=PARENT)
    stage.quote("102", "102.1")
    assert [(fill.order_id, fill.qty) for fill in stage.fills[1:]] == [(CHILD, "4")]


def test_market_child_takes_in_the_event_that_arms_it() -> None:
    stage = family(kind="market", tif="GTC", qty="10")
    stage.quote("98", "98.1")
    assert [(fill.order_id, fill.price) for fill in stage.fills] == [(PARENT, "99"), (CHILD, "98")]


def test_stop_child_that_is_crossed_when_armed_goes_off_at_once() -> None:
    stage = family(kind="stop", stop_price="98.5")
    stage.quote("98", "98.1")
    assert stage.life(CHILD) == ["HELD", "ARMED", "TRIGGERED", "FILLED"]


def test_child_names_its_parent_as_its_group_since_risk_knows_it_by_itself() -> None:
    stage = family()
    stage.trade("98.9", "4")
    child = next(event for event in stage.events if event.order_id == CHILD)
    assert (child.parent_id, child.group_id) == ("", PARENT)
