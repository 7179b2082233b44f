"""An accepted order that the broker says nothing of is told of, once, and stays open."""

from typing import Any

import pytest

from streams import control, topics
from streams.messages import Decision
from tables.account_tables import AccountTables
from tests.trading.drive import BTC, ETH, Drive, ready

SECOND = 10**9


def alarms(drive: Drive, seconds: float) -> list[Decision]:
    """The alarms that a mark of another symbol brings so much later."""
    drive.clock += int(seconds * SECOND)
    outputs = drive.mark(ETH.symbol, 300_000, 300_002)
    decisions = [o.message for o in outputs if o.topic is topics.DECISIONS]
    return [decision for decision in decisions if decision.kind == "alarm"]


def sent(**fields: Any) -> tuple[Drive, str]:
    """A cell with one accepted order."""
    drive = ready()
    drive.control(control.InstrumentRecord(instrument=ETH))
    decision = drive.order(qty="0.001", price="50000.00", **fields)
    assert decision.outcome == "accepted"
    return drive, decision.order_id


def test_silence_of_a_minute_is_told_once_and_the_order_stays_open() -> None:
    drive, order_id = sent()
    assert alarms(drive, 59.999) == []
    (alarm,) = alarms(drive, 0.001)
    assert (alarm.reason, alarm.outcome, alarm.order_id) == ("STUCK", "told", order_id)
    assert (alarm.account, alarm.symbol, alarm.client_order_id) == ("a", BTC.symbol, "c1")
    assert alarm.detail == "no word from the exchange for 60000 ms"
    assert alarms(drive, 3600) == []
    assert drive.tables.orders[order_id].is_live
    assert drive.order(cmd="cancel", target="c1", client_order_id="c2").outcome == "accepted"


@pytest.mark.parametrize(
    ("type", "state"), [("WORKING", "WORKING"), ("WAITING", "ACCEPTED"), ("HELD", "HELD")]
)
def test_order_that_the_broker_has_spoken_of_is_not_stuck(type: str, state: Any) -> None:
    drive, order_id = sent()
    drive.event(order_id, type, state, 0)
    assert alarms(drive, 120) == []


def test_order_that_has_ended_is_not_stuck() -> None:
    drive, order_id = sent()
    drive.ended(order_id, "CANCELLED", 0)
    assert alarms(drive, 120) == []


def test_order_under_review_is_the_reviewer_s() -> None:
    drive = ready(watchdog="review")
    drive.order(qty="0.001", price="50000.00")
    assert alarms(drive, 120) == []


def test_stuck_orders_are_told_of_by_age_each_with_its_own_name() -> None:
    drive, first = sent()
    drive.clock += SECOND
    drive.mark(BTC.symbol, 4_999_900, 5_000_100)
    second = drive.order(qty="0.001", price="50000.00", client_order_id="c2").order_id
    told = alarms(drive, 60)
    assert [alarm.order_id for alarm in told] == [first, second]
    assert [alarm.decision_id for alarm in told] == [f"{first}-stuck", f"{second}-stuck"]


def test_silence_is_still_noticed_after_a_restart() -> None:
    drive, order_id = sent()
    before = drive.tables.orders
    drive.tables = AccountTables(0)
    for name, data in before.seal():
        drive.tables.orders.load(name.decode().partition("|")[2], data)
    assert [alarm.order_id for alarm in alarms(drive, 61)] == [order_id]
