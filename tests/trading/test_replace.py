"""Replaces: checked by what they add, reserved before the broker knows, settled when it has answered."""

from typing import Any

import pytest

from streams import control, money, topics
from tables.lifecycle import BrokenInvariant
from tests.trading.drive import BTC, Drive, ready, replaces, wide

BUY: dict[str, Any] = {"qty": "0.100", "price": "50000.00"}


def _replace(drive: Drive, number: int = 1, target: str = "c1", **fields: Any) -> Any:
    return drive.outputs(cmd="replace", client_order_id=f"r{number}", target=target, **fields)


def _books(drive: Drive) -> tuple[str, str]:
    balance = drive.tables.balances["a|USD"]
    held = sum(order.reserved_lot * order.remaining for _, order in drive.tables.orders.items())
    assert balance.reserved == held
    return money.text(balance.cash), money.text(balance.reserved)


def test_replace_goes_to_the_broker_after_its_decision() -> None:
    drive = ready()
    order_id = drive.order(**BUY).order_id
    outputs = _replace(drive, qty="0.120", price="49000.00")
    decision, (asked,) = outputs[0].message, replaces(outputs)
    assert [output.topic for output in outputs] == [topics.DECISIONS, topics.ACCEPTED]
    assert outputs[1].key == BTC.symbol
    assert (decision.kind, decision.outcome, decision.order_id) == ("replace", "accepted", order_id)
    assert (asked.order_id, asked.replace_id, asked.command_ref.offset) == (order_id, "r1", 1)
    assert (asked.qty, asked.price, asked.stop_price) == (120, 4_900_000, 0)
    assert asked.reserved_lot == money.text(money.parse("49.1274"))


def test_raise_is_reserved_at_acceptance_and_a_cut_released_when_replaced() -> None:
    drive = ready()
    order_id = drive.order(**BUY).order_id
    assert _books(drive)[1] == "5013"
    _replace(drive, 1, qty="0.120")
    assert _books(drive)[1] == "6015.6"
    drive.event(order_id, "REPLACED", "WORKING", 0, qty=120)
    _replace(drive, 2, price="40000.00")
    assert _books(drive)[1] == "6015.6"
    drive.event(order_id, "REPLACED", "WORKING", 0, qty=120)
    assert _books(drive)[1] == "4812.48"
    _replace(drive, 3, qty="0.010")
    drive.event(order_id, "REPLACED", "WORKING", 0, qty=10)
    assert _books(drive)[1] == "401.04"


def test_refused_replace_gives_back_what_it_had_added() -> None:
    drive = ready()
    order_id = drive.order(**BUY).order_id
    _replace(drive, qty="0.150", price="50100.00")
    drive.event(order_id, "REPLACE_REJECTED", "WORKING", 0)
    assert _books(drive)[1] == "5013"
    assert drive.tables.orders[order_id].terms.price == 5_000_000
    assert _replace(drive, 2, qty="0.110")[0].message.outcome == "accepted"


def test_fills_of_the_old_terms_may_come_after_the_answer() -> None:
    drive = ready()
    order_id = drive.order(**BUY).order_id
    _replace(drive, price="49000.00")
    drive.event(order_id, "REPLACED", "PARTIALLY_FILLED", 40, qty=100)
    assert _books(drive)[1] == "5013"
    drive.fill(order_id, 30, 5_000_000)
    assert _books(drive)[1] == "3509.1"
    drive.fill(order_id, 10, 5_000_000)
    assert _books(drive)[1] == "2947.644"  # 0.060 at 49,000 and the fee
    with pytest.raises(BrokenInvariant, match="limit 4900000"):
        drive.fill(order_id, 1, 4_900_001)


def test_fills_of_the_new_terms_may_come_before_the_answer() -> None:
    drive = ready()
    order_id = drive.order(**BUY).order_id
    _replace(drive, qty="0.110", price="50010.00")
    drive.fill(order_id, 105, 5_001_000)
    drive.event(order_id, "REPLACED", "PARTIALLY_FILLED", 105, qty=110)
    drive.fill(order_id, 5, 5_001_000)
    assert _books(drive)[1] == "0"
    assert order_id not in drive.tables.orders


def test_order_that_fills_while_its_replace_is_on_the_way_ends() -> None:
    drive = ready()
    order_id = drive.order(**BUY).order_id
    _replace(drive, qty="0.120")
    drive.fill(order_id, 100, 5_000_000)
    assert _books(drive)[1] == "1002.6"
    drive.ended(order_id, "FILLED", 100)
    assert _books(drive)[1] == "0"
    late = _replace(drive, 2, qty="0.130")[0].message
    assert (late.reason, late.detail) == ("ORDER_TERMINAL", "FILLED")


def test_total_below_what_has_filled_ends_the_rest() -> None:
    drive = ready()
    order_id = drive.order(**BUY).order_id
    drive.fill(order_id, 40, 5_000_000)
    assert _replace(drive, qty="0.030")[0].message.outcome == "accepted"
    drive.ended(order_id, "CANCELLED", 40)
    assert _books(drive)[1] == "0"


@pytest.mark.parametrize("qty", ["0.030", "0.040"])
def test_total_of_no_more_than_has_filled_ends_the_rest_at_any_price(qty: str) -> None:
    drive = ready(cash="5013")
    order_id = drive.order(**BUY).order_id
    drive.fill(order_id, 40, 5_000_000)
    before = _books(drive)
    drive.tables.kills.put("global", control.Kill(scope="global", action="kill", reason="r", seq=1))
    outputs = _replace(drive, qty=qty, price="60000.00")
    decision, (asked,) = outputs[0].message, replaces(outputs)
    assert (decision.outcome, decision.reserved) == ("accepted", "0")
    assert (asked.qty, asked.price) == (int(qty[2:]), 5_000_000)
    assert _books(drive) == before  # nothing more is held for a price that nothing will trade at
    drive.fill(order_id, 10, 5_000_000)
    drive.ended(order_id, "CANCELLED", 50)
    assert _books(drive)[1] == "0"


@pytest.mark.parametrize(
    ("reason", "fields"),
    [
        ("UNKNOWN_ORDER", {"target": "never", "qty": "0.110"}),
        ("BAD_FIELD", {}),
        ("BAD_FIELD", {"qty": 1}),
        ("UNKNOWN_FIELD", {"side": "sell"}),
        ("BAD_NUMBER", {"qty": "x"}),
        ("QTY_NOT_POSITIVE", {"qty": "0"}),
        ("QTY_OFF_LOT", {"qty": "0.0001"}),
        ("QTY_RANGE", {"qty": "1000001"}),
        ("PRICE_OFF_TICK", {"price": "1.001"}),
        ("PRICE_NOT_ALLOWED", {"stop_price": "51000.00"}),
        ("PRICE_NOT_ALLOWED", {"trail": {"ticks": 5}}),
        ("INSUFFICIENT_CASH", {"qty": "0.200"}),
        ("BAD_TIME", {"qty": "0.110", "created_at": "now"}),
    ],
)
def test_replace_is_refused(reason: str, fields: dict[str, Any]) -> None:
    drive = ready()
    drive.order(**BUY)
    outputs = _replace(drive, **fields)
    assert [output.message.reason for output in outputs] == [reason]
    assert _books(drive)[1] == "5013"


def test_only_the_difference_must_be_paid_for() -> None:
    drive = ready(cash="6015.6")
    drive.order(**BUY)
    assert _replace(drive, 1, qty="0.121")[0].message.reason == "INSUFFICIENT_CASH"
    assert _replace(drive, 2, qty="0.120")[0].message.outcome == "accepted"


@pytest.mark.parametrize(
    "fields", [{"qty": "0.090"}, {"price": "49000.00"}, {"qty": "0.050", "price": "49999.00"}]
)
def test_replace_that_only_takes_back_passes_a_kill(fields: dict[str, Any]) -> None:
    drive = ready()
    drive.order(**BUY)
    drive.control(control.Kill(scope="symbol:X.Y", action="kill", reason="r", seq=1))
    drive.tables.kills.put(
        "account:a", control.Kill(scope="account:a", action="kill", reason="r", seq=1)
    )
    assert _replace(drive, **fields)[0].message.outcome == "accepted"


@pytest.mark.parametrize("fields", [{"qty": "0.110"}, {"price": "50000.01"}])
def test_replace_that_asks_for_more_does_not(fields: dict[str, Any]) -> None:
    drive = ready()
    drive.order(**BUY)
    drive.tables.kills.put("global", control.Kill(scope="global", action="kill", reason="r", seq=1))
    assert _replace(drive, **fields)[0].message.reason == "KILLED"


def test_exposure_counts_a_replaced_order_once() -> None:
    drive = ready()
    drive.order(**BUY)
    drive.control(wide(gross_exposure_max="5500"))
    assert _replace(drive, 1, qty="0.111")[0].message.reason == "GROSS_EXPOSURE"
    decision = _replace(drive, 2, qty="0.110")[0].message
    assert (decision.outcome, decision.exposure_before, decision.exposure_after) == (
        "accepted", "5000", "5500",
    )  # fmt: skip


def test_one_replace_at_a_time_and_none_after_a_cancel() -> None:
    drive = ready()
    order_id = drive.order(**BUY).order_id
    _replace(drive, 1, qty="0.110")
    assert _replace(drive, 2, qty="0.105")[0].message.reason == "REPLACE_PENDING"
    cancel = drive.order(cmd="cancel", target="c1", client_order_id="x1")
    assert (cancel.outcome, cancel.order_id) == ("accepted", order_id)
    assert _replace(drive, 3, qty="0.105")[0].message.reason == "CANCEL_PENDING"


def test_replace_has_one_effect_and_is_answered_after_the_order_has_ended() -> None:
    drive = ready()
    order_id = drive.order(**BUY).order_id
    _replace(drive, qty="0.090")
    drive.ended(order_id, "CANCELLED", 0)
    (again,) = _replace(drive, qty="0.090")
    assert again.message.outcome == "duplicate"
    assert _replace(drive, qty="0.080")[0].message.reason == "DUPLICATE_ID_MISMATCH"


def test_stop_order_moves_with_its_protection() -> None:
    drive = ready()
    drive.order(type="stop", qty="0.010", stop_price="51000.00")
    (asked,) = replaces(_replace(drive, stop_price="51100.00"))
    assert (asked.stop_price, asked.protection, asked.qty) == (5_110_000, 5_161_100, 0)


def test_reducing_order_can_grow_only_as_far_as_the_position() -> None:
    drive = ready(type="margin")
    entry = drive.order(**BUY, client_order_id="entry")
    drive.fill(entry.order_id, 100, 5_000_000)
    drive.order(**BUY | {"qty": "0.060"}, side="sell", client_order_id="exit")
    drive.tables.kills.put("global", control.Kill(scope="global", action="kill", reason="r", seq=1))
    refused = _replace(drive, 1, "exit", qty="0.101")[0].message
    assert (refused.reason, refused.detail) == ("KILLED", "global seq 1; reducible_qty 0.1")
    assert _replace(drive, 2, "exit", qty="0.100")[0].message.outcome == "accepted"


def test_exit_of_a_bracket_moves_its_price_but_not_its_quantity() -> None:
    drive = ready()
    bracket = {"stop_loss": {"stop_price": "49000.00"}, "take_profit": {"price": "52000.00"}}
    order_id = drive.order(**BUY, bracket=bracket).order_id
    (asked,) = replaces(_replace(drive, 1, "c1/sl", stop_price="49500.00"))
    assert (asked.order_id, asked.stop_price, asked.reserved_lot) == (
        f"{order_id}/sl",
        4_950_000,
        "0",
    )
    refused = _replace(drive, 2, "c1/tp", qty="0.050")[0].message
    assert (refused.reason, refused.order_id) == ("BAD_COMBINATION", f"{order_id}/tp")
    assert _replace(drive, 3, "c1/tp", price="52000.001")[0].message.reason == "PRICE_OFF_TICK"
    drive.event(f"{order_id}/tp", "CANCELLED", "CANCELLED", 0, parent=order_id)
    gone = _replace(drive, 4, "c1/tp", price="52100.00")[0].message
    assert (gone.reason, gone.detail) == ("UNKNOWN_ORDER", "no live exit c1/tp")


def test_group_member_that_the_broker_shrinks_releases_the_difference() -> None:
    drive = ready()
    order_id = drive.order(**BUY, group={"id": "g", "kind": "ouo"}).order_id
    drive.event(order_id, "RESTATED", "WORKING", 0, qty=60)
    assert _books(drive)[1] == "3007.8"
    drive.fill(order_id, 60, 5_000_000)
    assert order_id not in drive.tables.orders


def test_cheaper_but_larger_order_must_pay_for_both_until_the_broker_has_answered() -> None:
    drive = ready(cash="6000")
    drive.order(**BUY)  # holds 50.13 a lot
    assert _replace(drive, 1, qty="0.120", price="48000.00")[0].message.reason == (
        "INSUFFICIENT_CASH"
    )
    assert _replace(drive, 2, qty="0.119", price="48000.00")[0].message.outcome == "accepted"
    assert _books(drive) == ("6000", "5965.47")
