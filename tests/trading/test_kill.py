"""Cancels and the kill switch: latched, in order, and never against what protects a position."""

from typing import Any

import pytest

from streams import control, topics
from streams.codec import Undecodable
from tests.trading.drive import BTC, ETH, Drive, cancels, ready

LIMIT: dict[str, Any] = {"qty": "0.001", "price": "50000.00"}
ETHER: dict[str, Any] = {"symbol": ETH.symbol, "qty": "0.010", "price": "2000.00"}


def _kill(drive: Drive, scope: str = "global", seq: int = 1, action: Any = "kill") -> list[Any]:
    return drive.control(control.Kill(scope=scope, action=action, reason="drill", seq=seq))


def test_kill_cancels_every_live_order_by_age_and_says_so_first() -> None:
    drive = ready()
    ids = [drive.order(**LIMIT, client_order_id=f"c{number}").order_id for number in range(12)]
    drive.ended(ids[3], "CANCELLED", 0)
    outputs = _kill(drive)
    applied = outputs[0].message
    assert (outputs[0].topic, outputs[0].key) == (topics.DECISIONS, "global")
    assert (applied.kind, applied.outcome, applied.reason) == ("control", "applied", "KILL")
    assert (applied.decision_id, applied.control_offset) == ("1-control-5-0", 5)
    assert applied.detail == "global seq 1: drill"
    assert [cancel.order_id for cancel in cancels(outputs)] == ids[:3] + ids[4:]
    assert {cancel.reason for cancel in cancels(outputs)} == {"KILLED"}
    assert {output.key for output in outputs[1:]} == {BTC.symbol}


@pytest.mark.parametrize(
    ("scope", "killed"),
    [
        ("global", ["btc", "eth", "s"]),
        ("account:a", ["btc", "eth", "s"]),
        ("account:b", []),
        (f"symbol:{ETH.symbol}", ["eth"]),
        ("strategy:s", ["s"]),
    ],
)
def test_kill_reaches_its_scope_and_no_further(scope: str, killed: list[str]) -> None:
    drive = ready()
    orders = {
        drive.order(**LIMIT, client_order_id="btc").order_id: "btc",
        drive.order(**ETHER, client_order_id="eth").order_id: "eth",
        drive.order(**LIMIT, client_order_id="s", strategy="s").order_id: "s",
    }
    assert [orders[cancel.order_id] for cancel in cancels(_kill(drive, scope))] == killed
    entry = {"btc": LIMIT, "eth": ETHER, "s": LIMIT | {"strategy": "s"}}
    for name, fields in entry.items():
        refused = drive.order(**fields, client_order_id=f"{name}2").reason == "KILLED"
        assert refused == (name in killed)


@pytest.mark.parametrize(
    ("scope", "account", "symbol"),
    [
        ("global", "", ""),
        ("account:a", "a", ""),
        (f"symbol:{ETH.symbol}", "", ETH.symbol),
        ("strategy:s:1", "", ""),
    ],
)
def test_kill_names_what_it_covers_and_when(scope: str, account: str, symbol: str) -> None:
    drive = ready()
    applied = _kill(drive, scope)[0].message
    assert (applied.account, applied.symbol) == (account, symbol)
    assert (applied.command_ref, applied.time) == (("control", 0, 5), drive.clock)


def test_kill_refuses_what_waits_for_its_review_and_names_itself_to_cancels() -> None:
    drive = ready(watchdog="review")
    waiting = drive.order(**LIMIT, client_order_id="c1").order_id
    refused = _kill(drive, "account:a")[1].message
    assert (refused.order_id, refused.reason) == (waiting, "KILLED")
    assert (refused.detail, refused.time) == ("account:a seq 1", drive.clock)
    other = ready()
    other.order(**LIMIT)
    (cancel,) = cancels(_kill(other))
    assert (cancel.command_ref, cancel.time) == (("control", 0, 5), other.clock)


def test_kill_stays_until_a_higher_seq_resumes() -> None:
    drive = ready()
    _kill(drive, seq=5)
    drive.send(topics.CONTROL, "kill:global", None)
    for seq in (4, 5):
        with pytest.raises(Undecodable) as replayed:
            _kill(drive, seq=seq, action="resume")
        assert replayed.value.reason == "CONTROL_REPLAYED"
    assert drive.order(**LIMIT, client_order_id="c1").reason == "KILLED"
    resumed = _kill(drive, seq=6, action="resume")
    assert [output.message.reason for output in resumed] == ["RESUME"]
    assert drive.order(**LIMIT, client_order_id="c2").outcome == "accepted"


def test_resume_of_one_scope_leaves_the_other_latched() -> None:
    drive = ready()
    _kill(drive)
    _kill(drive, "account:a")
    _kill(drive, seq=2, action="resume")
    refused = drive.order(**LIMIT)
    assert (refused.reason, refused.detail) == ("KILLED", "account:a seq 1")


def test_second_kill_does_not_cancel_twice_but_overtakes_a_clients_cancel() -> None:
    drive = ready()
    first = drive.order(**LIMIT, client_order_id="c1").order_id
    drive.order(cmd="cancel", client_order_id="x", target="c1")
    assert [cancel.order_id for cancel in cancels(_kill(drive))] == [first]
    assert cancels(_kill(drive, "account:a")) == []


def test_exit_that_protects_a_position_survives_the_kill() -> None:
    drive = ready()
    entry = drive.order(**LIMIT, client_order_id="entry")
    drive.fill(entry.order_id, 1, 5_000_000)
    sell = {"side": "sell", "client_order_id": "exit"}
    exit = drive.order(**LIMIT, **sell, reduce_only=True).order_id
    plain = drive.order(**LIMIT | sell | {"client_order_id": "plain"}).order_id
    assert [cancel.order_id for cancel in cancels(_kill(drive))] == [plain]
    assert drive.tables.orders[exit].pending == ""


def test_reduce_only_order_with_nothing_left_to_protect_is_cancelled() -> None:
    drive = ready()
    entry = drive.order(**LIMIT, client_order_id="entry")
    drive.fill(entry.order_id, 1, 5_000_000)
    exit = drive.order(**LIMIT, side="sell", reduce_only=True, client_order_id="exit").order_id
    drive.book(qty=1, price=5_000_000, side="sell")
    assert [cancel.order_id for cancel in cancels(_kill(drive))] == [exit]


def test_every_partition_latches_and_names_itself() -> None:
    ids = set()
    for partition in range(2):
        drive = Drive(partitions=2, partition=partition)
        ids.add(_kill(drive)[0].message.decision_id)
        assert "global" in drive.tables.kills
    assert ids == {"1-control-0-0", "1-control-0-1"}


def test_cancel_follows_its_order_to_the_broker() -> None:
    drive = ready()
    order_id = drive.order(**LIMIT).order_id
    outputs = drive.outputs(cmd="cancel", client_order_id="x", target="c1")
    decision, (cancel,) = outputs[0].message, cancels(outputs)
    assert (decision.kind, decision.outcome, decision.order_id) == ("cancel", "accepted", order_id)
    assert (cancel.order_id, cancel.reason, outputs[1].key) == (order_id, "CLIENT", BTC.symbol)
    assert decision.symbol == cancel.symbol == BTC.symbol


def test_cancel_has_one_effect() -> None:
    drive = ready()
    order_id = drive.order(**LIMIT).order_id
    cancel = {"cmd": "cancel", "target": "c1"}
    assert drive.order(**cancel, client_order_id="x1").outcome == "accepted"
    assert drive.order(**cancel, client_order_id="x1").outcome == "duplicate"
    assert drive.order(**cancel, client_order_id="x2").reason == "CANCEL_PENDING"
    drive.ended(order_id, "CANCELLED", 0)
    late = drive.order(**cancel, client_order_id="x3")
    assert (late.reason, late.detail, late.order_id) == ("ORDER_TERMINAL", "CANCELLED", order_id)


def test_rejected_cancel_may_be_sent_again() -> None:
    drive = ready()
    order_id = drive.order(**LIMIT).order_id
    drive.order(cmd="cancel", target="c1", client_order_id="x1")
    drive.event(order_id, "CANCEL_REJECTED", "WORKING", 0)
    assert drive.order(cmd="cancel", target="c1", client_order_id="x2").outcome == "accepted"


def test_cancel_before_its_order_is_unknown_and_the_order_lives() -> None:
    drive = ready()
    refused = drive.order(cmd="cancel", target="c1", client_order_id="x")
    assert (refused.kind, refused.reason) == ("cancel", "UNKNOWN_ORDER")
    assert drive.order(**LIMIT).outcome == "accepted"
    assert len(drive.tables.open_orders.of("a")) == 1


def test_cancel_of_a_rejected_order_or_of_a_cancel_is_unknown() -> None:
    drive = ready()
    drive.order(**LIMIT | {"qty": "0"})
    assert drive.order(cmd="cancel", target="c1", client_order_id="x1").reason == "UNKNOWN_ORDER"
    assert drive.order(cmd="cancel", target="x1", client_order_id="x2").reason == "UNKNOWN_ORDER"


def test_cancel_of_all_takes_the_account_or_one_symbol() -> None:
    drive = ready()
    bitcoin = drive.order(**LIMIT, client_order_id="c1").order_id
    ether = drive.order(**ETHER, client_order_id="c2").order_id
    everything = {"cmd": "cancel", "target": "*"}
    one = drive.outputs(**everything, symbol=ETH.symbol, client_order_id="x1")
    assert [cancel.order_id for cancel in cancels(one)] == [ether]
    rest = drive.outputs(**everything, client_order_id="x2")
    assert [cancel.order_id for cancel in cancels(rest)] == [bitcoin]
    assert (
        drive.order(cmd="cancel", target="c1", symbol="X.Y", client_order_id="x3").reason
        == "BAD_FIELD"
    )


def test_cancel_passes_a_kill_and_missing_limits_but_not_an_unknown_account() -> None:
    drive = ready()
    drive.order(**LIMIT)
    drive.tables.limits.delete("a")
    drive.control(control.Kill(scope=f"symbol:{ETH.symbol}", action="kill", reason="r", seq=1))
    assert drive.order(cmd="cancel", target="c1", client_order_id="x").outcome == "accepted"
    refused = drive.order(cmd="cancel", account="b", target="c1", client_order_id="x")
    assert refused.reason == "UNKNOWN_ACCOUNT"


def _resume(drive: Drive, seq: int, issuer: str) -> str:
    record = control.Kill(scope="global", action="resume", reason="r", seq=seq, issuer=issuer)
    (applied,) = drive.control(record)
    return str(applied.message.reason)


def test_release_that_takes_two_needs_another_person_within_a_quarter_of_an_hour() -> None:
    drive = ready()
    drive.risk._takes_two = True
    _kill(drive)
    assert _resume(drive, 2, "ann") == "RESUME_ASKED"
    assert _resume(drive, 3, "ann") == "RESUME_ASKED"
    drive.clock += 15 * 60 * 10**9 + 1
    assert _resume(drive, 4, "bob") == "RESUME_ASKED"
    assert drive.order(**LIMIT, client_order_id="c1").reason == "KILLED"
    drive.clock += 15 * 60 * 10**9
    assert _resume(drive, 5, "ann") == "RESUME"
    drive.mark(BTC.symbol, 4_999_900, 5_000_100)
    assert drive.order(**LIMIT, client_order_id="c2").outcome == "accepted"


def test_asking_for_a_release_is_a_decision_and_spends_its_seq() -> None:
    drive = ready()
    drive.risk._takes_two = True
    _kill(drive)
    (asked,) = _kill(drive, seq=7, action="resume")
    assert asked.message.decision_id == "1-control-6-0"
    assert drive.tables.kills["global"].seq == 7
    with pytest.raises(Undecodable):
        _kill(drive, seq=7, action="resume")


def test_kill_between_two_releases_forgets_the_first() -> None:
    drive = ready()
    drive.risk._takes_two = True
    _kill(drive)
    _resume(drive, 2, "ann")
    _kill(drive, seq=3)
    assert _resume(drive, 4, "bob") == "RESUME_ASKED"
