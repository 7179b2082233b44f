"""The demonstration of the kill switch can fail: an order that came through, or one that was left open, is found."""

import msgspec
import pytest

from api.demo.kill import judge
from streams.ids import Ref
from streams.messages import Decision, OrderEvent, State
from tests.demo.test_demo import invoke

SWITCH = 40


def decision(name: str, outcome: str, control_offset: int, reason: str = "") -> Decision:
    made = Decision(
        decision_id=f"id-{name}",
        kind="new",
        outcome="rejected",
        account="demo-K0",
        command_ref=Ref("orders", 0, 1),
        time=1,
        client_order_id=name,
        order_id=f"id-{name}" if outcome == "accepted" else "",
        reason=reason,
        control_offset=control_offset,
    )
    return msgspec.structs.replace(made, outcome=outcome)


def event(name: str, state: State) -> OrderEvent:
    return OrderEvent(
        event_id=f"id-{name}:2",
        order_id=f"id-{name}",
        client_order_id=name,
        account="demo-K0",
        symbol="K0/USD.DEMO",
        rev=2,
        type=state,
        state=state,
        qty="1",
        filled="0",
        remaining="1",
        time=1,
        cause=Ref("orders.accepted", 0, 1),
    )


BEFORE = decision("resting-1", "accepted", SWITCH - 1)
REFUSED = decision("queued-1", "rejected", SWITCH, "KILLED")


def test_a_switch_that_holds_has_refused_what_came_and_ended_what_was_there() -> None:
    outcome = judge([BEFORE, REFUSED], [event("resting-1", "CANCELLED")], SWITCH)
    assert outcome.holds
    assert (outcome.resting, outcome.queued, outcome.refused) == (1, 1, 1)


def test_an_order_accepted_after_the_switch_is_found() -> None:
    late = decision("queued-2", "accepted", SWITCH)
    ended = [event("resting-1", "CANCELLED"), event("queued-2", "CANCELLED")]
    outcome = judge([BEFORE, REFUSED, late], ended, SWITCH)
    assert (outcome.holds, outcome.late) == (False, ["queued-2"])


def test_an_order_left_open_is_found() -> None:
    outcome = judge([BEFORE, REFUSED], [event("resting-1", "WORKING")], SWITCH)
    assert (outcome.holds, outcome.left) == (False, ["resting-1"])


def test_a_switch_that_refused_nothing_shows_nothing() -> None:
    assert not judge([BEFORE], [event("resting-1", "CANCELLED")], SWITCH).holds


@pytest.mark.soak
@pytest.mark.timeout(400)
def test_a_thousand_orders_do_not_outrun_the_switch() -> None:
    code, told = invoke("kill")
    assert code == 0, told
