"""A kill that flattens: all orders go, protective ones too, and one reduce-only market order closes each position."""

from typing import Any

import pytest

from agents.handler import Output
from streams import control, topics
from streams.messages import Accepted
from tests.trading.drive import BTC, ETH, Drive, cancels, ready

LIMIT: dict[str, Any] = {"qty": "0.010", "price": "50000.00"}
BRACKET = {"stop_loss": {"stop_price": "49000.00"}, "take_profit": {"price": "52000.00"}}


def _flatten(drive: Drive, scope: str = "global", seq: int = 1) -> list[Output]:
    return drive.control(
        control.Kill(scope=scope, action="kill", reason="drill", seq=seq, flatten=True)
    )


def _closing(outputs: list[Output]) -> list[Accepted]:
    found = [output.message.order for output in outputs if output.topic is topics.ACCEPTED]
    return [order for order in found if order is not None]


def _held(drive: Drive, bracket: Any = None, **fields: Any) -> str:
    order = LIMIT | {"client_order_id": "held"} | fields
    order_id = drive.order(**order, bracket=bracket).order_id
    drive.fill(order_id, drive.accepted[order_id].qty, drive.accepted[order_id].price)
    return order_id


def test_position_is_closed_after_all_cancels_on_the_same_partition() -> None:
    drive = ready()
    entry = _held(drive, BRACKET)
    resting = drive.order(**LIMIT, client_order_id="resting").order_id
    outputs = _flatten(drive)
    assert [c.order_id for c in cancels(outputs)] == [f"{entry}/sl", f"{entry}/tp", resting]
    assert {cancel.reason for cancel in cancels(outputs)} == {"FLATTENED"}
    (order,) = _closing(outputs)
    assert (order.side, order.type, order.tif, order.reduce_only) == ("sell", "market", "GTC", True)
    assert (order.qty, order.protection, order.price) == (20, 0, 0)  # the entry may have filled
    assert outputs[-1].key == BTC.symbol and outputs[-1].message.order is order
    decision = outputs[-2].message
    assert (decision.kind, decision.outcome, decision.reason) == ("control", "accepted", "FLATTEN")
    assert (decision.order_id, decision.detail) == (order.order_id, "book live")


def test_flatten_order_is_named_after_the_log_its_control_record_and_its_cell() -> None:
    drive = ready()
    _held(drive)
    (order,) = _closing(_flatten(drive))
    assert order.order_id == f"1-flatten-0-{drive.offsets['control'] - 1}-0"


def test_flatten_order_lives_like_any_other() -> None:
    drive = ready()
    _held(drive)
    (order,) = _closing(_flatten(drive))
    assert drive.tables.orders[order.order_id].reduce_only
    drive.fill(order.order_id, 10, 4_000_000)
    assert drive.tables.positions[f"a|{BTC.symbol}"].qty == 0
    assert order.order_id not in drive.tables.orders
    assert (
        drive.order(cmd="cancel", target=order.order_id, client_order_id="x").reason
        == "ORDER_TERMINAL"
    )


def test_each_position_of_the_scope_is_closed_and_no_other() -> None:
    drive = ready(type="margin")
    _held(drive)
    ether = {"symbol": ETH.symbol, "price": "2000.00", "side": "sell", "client_order_id": "eth"}
    drive.fill(
        drive.order(**LIMIT | ether).order_id,
        10,
        200_000,
    )
    closing = _closing(_flatten(drive, f"symbol:{ETH.symbol}"))
    assert [(order.symbol, order.side, order.qty) for order in closing] == [(ETH.symbol, "buy", 10)]
    closing = _closing(_flatten(drive, "account:a"))
    assert [(o.symbol, o.side, o.qty) for o in closing] == [
        (BTC.symbol, "sell", 10), (ETH.symbol, "buy", 10),
    ]  # fmt: skip
    assert _closing(_flatten(drive, "account:b")) == []


def test_entries_under_way_are_covered_whichever_side_they_open() -> None:
    drive = ready(type="margin")
    drive.order(**LIMIT, client_order_id="buy")
    drive.order(**LIMIT | {"qty": "0.003"}, side="sell", client_order_id="sell")
    closing = _closing(_flatten(drive))
    assert [(order.side, order.qty) for order in closing] == [("sell", 10), ("buy", 3)]


def test_flat_account_gets_no_order() -> None:
    drive = ready()
    _held(drive)
    drive.book(qty=10, price=5_000_000, side="sell")
    assert _closing(_flatten(drive)) == []


def test_second_flatten_replaces_the_first() -> None:
    drive = ready()
    _held(drive)
    (first,) = _closing(_flatten(drive))
    outputs = _flatten(drive, seq=2)
    assert [cancel.order_id for cancel in cancels(outputs)] == [first.order_id]
    (second,) = _closing(outputs)
    assert second.order_id != first.order_id
    drive.fill(first.order_id, 10, 4_000_000)
    drive.ended(second.order_id, "CANCELLED", 0)
    assert list(drive.tables.orders.items()) == []


def test_plain_kill_leaves_what_protects() -> None:
    drive = ready()
    _held(drive, BRACKET)
    outputs = drive.control(control.Kill(scope="global", action="kill", reason="r", seq=1))
    assert cancels(outputs) == [] and _closing(outputs) == []
    assert len(list(drive.tables.exits.items())) == 2


def test_exits_are_known_until_the_broker_ends_them() -> None:
    drive = ready()
    order_id = drive.order(**LIMIT, bracket=BRACKET).order_id
    drive.event(f"{order_id}/sl", "HELD", "HELD", 0, parent=order_id)
    cancel = drive.order(cmd="cancel", target="c1/tp", client_order_id="x1")
    assert (cancel.outcome, cancel.order_id) == ("accepted", f"{order_id}/tp")
    assert (
        drive.order(cmd="cancel", target="c1/tp", client_order_id="x2").reason == "CANCEL_PENDING"
    )
    drive.event(f"{order_id}/tp", "CANCEL_REJECTED", "WORKING", 0, parent=order_id)
    assert drive.order(cmd="cancel", target="c1/tp", client_order_id="x3").outcome == "accepted"
    drive.ended(order_id, "REJECTED", 0)
    assert [key for key, _ in drive.tables.exits.items()] == [f"{order_id}/sl", f"{order_id}/tp"]
    drive.event(f"{order_id}/tp", "CANCELLED", "CANCELLED", 0, parent=order_id)
    drive.event(f"{order_id}/sl", "CANCELLED", "CANCELLED", 0, parent=order_id)
    assert list(drive.tables.exits.items()) == []


def test_exits_of_an_entry_that_the_broker_refused_at_once_are_forgotten() -> None:
    drive = ready()
    order_id = drive.order(**LIMIT, bracket=BRACKET).order_id
    drive.ended(order_id, "REJECTED", 0)
    assert list(drive.tables.exits.items()) == []


@pytest.mark.parametrize("queued", [1_000])
def test_no_order_behind_a_kill_is_accepted_however_many_are_queued(queued: int) -> None:
    drive = ready(cash="1000000")
    before = [drive.order(**LIMIT | {"qty": "0.001"}, client_order_id=f"b{n}") for n in range(50)]
    outputs = _flatten(drive)
    assert len(cancels(outputs)) == len(before) == 50
    after = [
        drive.order(**LIMIT | {"qty": "0.001"}, client_order_id=f"c{n}") for n in range(queued)
    ]
    assert {decision.reason for decision in after} == {"KILLED"}
    assert {decision.control_offset for decision in after} == {outputs[0].message.control_offset}
    assert not [order for order in drive.accepted if order not in {d.order_id for d in before}
                and "flatten" not in order]  # fmt: skip
