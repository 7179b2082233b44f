"""Orders that wait for a verdict: held with their reservation, and refused when nobody answers in time."""

from typing import Any

import pytest

from streams import control, money, topics
from streams.messages import Decision
from tests.trading.drive import BTC, ETH, Drive, ready

LIMIT: dict[str, Any] = {"qty": "0.100", "price": "50000.00"}
SECOND_NS = 10**9


def _verdict(drive: Drive, order_id: str, verdict: Any = "approve") -> list[Any]:
    return drive.control(
        control.Review(order_id=order_id, verdict=verdict, reviewer="ann", reason="why")
    )


def _reserved(drive: Drive) -> str:
    return money.text(drive.tables.balances["a|USD"].reserved)


def _marked(drive: Drive, after_ns: int) -> list[Decision]:
    drive.clock += after_ns
    return [output.message for output in drive.mark(ETH.symbol, 199_990, 200_010)]


def test_entry_is_held_with_its_reservation_and_nothing_goes_to_the_broker() -> None:
    drive = ready(watchdog="review")
    outputs = drive.outputs(**LIMIT)
    held = outputs[0].message
    assert [output.topic for output in outputs] == [topics.DECISIONS]
    assert (held.outcome, held.order_id, held.reserved) == ("held", "1-0-0", "5013")
    assert _reserved(drive) == "5013"
    assert drive.order(**LIMIT).detail == "first at offset 0: held, now REVIEW"


def test_approved_order_goes_on_under_its_own_id() -> None:
    drive = ready(watchdog="review")
    order_id = drive.order(**LIMIT).order_id
    outputs = _verdict(drive, order_id)
    decision = outputs[0].message
    assert (decision.kind, decision.outcome, decision.watchdog) == (
        "review", "accepted", "review ann: why",
    )  # fmt: skip
    accepted = outputs[1].message.order
    assert (accepted.order_id, accepted.qty, accepted.command_ref.offset) == (order_id, 100, 0)
    assert _reserved(drive) == "5013"
    drive.fill(order_id, 100, 5_000_000)
    assert _reserved(drive) == "0"
    assert drive.order(**LIMIT).detail.endswith("held, now FILLED")


def test_vetoed_order_is_rejected_and_holds_nothing() -> None:
    drive = ready(watchdog="review")
    order_id = drive.order(**LIMIT).order_id
    (decision,) = [output.message for output in _verdict(drive, order_id, "veto")]
    assert (decision.outcome, decision.reason, decision.detail) == (
        "rejected", "WATCHDOG_VETO", "ann: why",
    )  # fmt: skip
    assert (_reserved(drive), drive.tables.orders.get(order_id)) == ("0", None)
    assert drive.order(**LIMIT).detail.endswith("held, now REJECTED")


def test_silence_is_a_refusal_at_the_first_mark_after_a_second() -> None:
    drive = ready(watchdog="review")
    order_id = drive.order(**LIMIT).order_id
    assert _marked(drive, SECOND_NS) == []
    (decision,) = _marked(drive, 10**6)
    assert (decision.reason, decision.order_id) == ("WATCHDOG_TIMEOUT", order_id)
    assert _reserved(drive) == "0"


@pytest.mark.parametrize("verdict", ["approve", "veto"])
def test_late_or_second_verdict_is_counted_and_ignored(verdict: str) -> None:
    drive = ready(watchdog="review")
    order_id = drive.order(**LIMIT).order_id
    _marked(drive, SECOND_NS + 1)
    assert _verdict(drive, order_id, verdict) == []
    assert _verdict(drive, "1-7-0", verdict) == []  # of another partition
    assert drive.tables.cell["cell"].late_verdicts == 1
    assert _reserved(drive) == "0"


@pytest.mark.parametrize(
    ("reason", "change"),
    [
        ("NO_PRICE", lambda drive: drive.tables.marks.delete(BTC.symbol)),
        ("ACCOUNT_DISABLED", lambda drive: drive.control(
            control.Account(account="a", mode="sim", watchdog="review", enabled=False))),
        ("INSUFFICIENT_CASH", lambda drive: drive.control(
            control.Cash(account="a", id="out", currency="USD", amount="-4987"))
            and drive.control(control.Account(account="a", mode="sim", taker_rate=3000))),
    ],
)  # fmt: skip
def test_checks_of_an_entry_run_again_after_approval(reason: str, change: Any) -> None:
    drive = ready(watchdog="review")
    order_id = drive.order(**LIMIT).order_id
    change(drive)
    (output,) = _verdict(drive, order_id)
    assert (output.message.outcome, output.message.reason) == ("rejected", reason)
    assert _reserved(drive) == "0"


def test_order_of_the_account_that_waits_does_not_count_against_itself() -> None:
    drive = ready(watchdog="review", cash="5013")
    order_id = drive.order(**LIMIT).order_id
    assert _verdict(drive, order_id)[0].message.outcome == "accepted"


def test_kill_ends_the_wait() -> None:
    drive = ready(watchdog="review")
    order_id = drive.order(**LIMIT).order_id
    outputs = drive.control(control.Kill(scope="global", action="kill", reason="r", seq=1))
    killed = outputs[1].message
    assert (killed.kind, killed.reason, killed.order_id) == ("review", "KILLED", order_id)
    assert [output.topic for output in outputs] == [topics.DECISIONS, topics.DECISIONS]
    assert _reserved(drive) == "0"


@pytest.mark.parametrize("target", ["c1", "*"])
def test_cancel_ends_the_wait(target: str) -> None:
    drive = ready(watchdog="review")
    drive.order(**LIMIT)
    outputs = drive.outputs(cmd="cancel", target=target, client_order_id="x")
    assert [output.message.outcome for output in outputs] == ["accepted"]
    assert _reserved(drive) == "0"
    assert drive.order(**LIMIT).detail.endswith("held, now CANCELLED")


def test_order_that_waits_takes_no_replace() -> None:
    drive = ready(watchdog="review")
    drive.order(**LIMIT)
    refused = drive.order(cmd="replace", target="c1", qty="0.050", client_order_id="r")
    assert refused.reason == "REVIEW_PENDING"


def test_exit_does_not_wait() -> None:
    drive = ready(watchdog="review")
    entry = drive.order(**LIMIT).order_id
    _verdict(drive, entry)
    drive.fill(entry, 100, 5_000_000)
    assert drive.order(**LIMIT, side="sell", client_order_id="exit").outcome == "accepted"


def test_waiting_order_survives_a_restart() -> None:
    drive = ready(watchdog="review")
    order_id = drive.order(**LIMIT).order_id
    again = ready(watchdog="review")
    for old, new in zip(drive.tables.all(), again.tables.all(), strict=True):
        for key, value in old.seal():
            new.load(key.decode().partition("|")[2], value)
    assert _verdict(again, order_id)[0].message.outcome == "accepted"
