"""Latches: what trips them, what they do, and what alone lifts them."""

from typing import Any

import pytest

from agents import latching
from agents.handler import Output
from streams import control, money, topics
from streams.codec import Undecodable
from streams.messages import Decision
from tables.account_tables import AccountTables
from tables.watch import Watch
from tests.limits.market import DAY, ENTRY, HOUR, MINUTE, every, held, later, limits, mark
from tests.trading.drive import BTC, ETH, START_NS, Drive, cancels

TO_MIDNIGHT = DAY - START_NS % DAY
LOSING = limits(loss_max="1", cooldown_minutes=60)
EXIT: dict[str, Any] = {"side": "sell", "qty": "0.010", "price": "60000.00"}


def latched(outputs: list[Output]) -> list[Decision]:
    """The latch decisions among some outputs."""
    found = [output.message for output in outputs if output.topic is topics.DECISIONS]
    return [decision for decision in found if decision.kind == "latch"]


def entry(drive: Drive, name: str) -> str:
    """What becomes of a good entry: its reason, "" where it is accepted."""
    return drive.order(**ENTRY | {"qty": "0.001", "price": "49800.00"}, client_order_id=name).reason


def test_mark_that_loses_too_much_latches_and_cancels_entries_but_no_exit() -> None:
    drive = held()
    limits(loss_max="2")(drive)
    first = drive.order(**ENTRY | {"price": "49000.00"}, client_order_id="entry")
    drive.order(**EXIT, client_order_id="exit")
    drive.mark(BTC.symbol, 5_000_000, 5_000_000)
    assert latched(drive.mark(BTC.symbol, 4_993_001, 4_993_001)) == []
    outputs = drive.mark(BTC.symbol, 4_992_999, 4_992_999)  # 0.7001, and a fee of 1.3
    (decision,) = latched(outputs)
    assert (decision.outcome, decision.account, decision.reason) == ("latched", "a", "LATCHED_LOSS")
    assert decision.detail == "of the day 2.0001 >= 2"
    place = drive.offsets["market.marks"] - 1
    assert decision.command_ref == ("market.marks", 0, place)
    assert decision.decision_id == f"1-latch-market.marks-0-{place}-a-LOSS"
    (cancel,) = cancels(outputs)
    assert (cancel.order_id, cancel.reason) == (first.order_id, "LATCHED")
    assert entry(drive, "late") == "LATCHED_LOSS"


def test_marks_of_one_second_weigh_once_but_an_order_weighs_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drive = held()
    LOSING(drive)
    monkeypatch.setattr(latching, "WEIGH_NS", 10**9)
    assert latched(drive.mark(BTC.symbol, 4_980_000, 4_980_000)) == []
    assert entry(drive, "early") == "LATCHED_LOSS"
    other = held()
    LOSING(other)
    other.clock += 10**9
    assert len(latched(other.mark(BTC.symbol, 4_980_000, 4_980_000))) == 1


def test_latch_is_said_once() -> None:
    drive = held()
    LOSING(drive)
    assert len(latched(drive.mark(BTC.symbol, 4_980_000, 4_980_000))) == 1
    assert latched(drive.mark(BTC.symbol, 4_900_000, 4_900_000)) == []
    assert latched(drive.outputs(**ENTRY, client_order_id="late")) == []


def test_order_is_weighed_before_it_is_decided_on() -> None:
    """Fees make no mark: the next order finds them."""
    drive = held()
    limits(fees_max="1.3")(drive)
    outputs = drive.outputs(**ENTRY, client_order_id="late")
    assert outputs[0].message.reason == "LATCHED_FEES"
    (decision,) = latched(outputs)
    assert decision.detail == "of the day 1.3 >= 1.3"
    assert decision.command_ref.topic == "orders"
    assert decision.decision_id == "1-latch-orders-0-1-a-FEES"


@pytest.mark.parametrize(
    ("after", "reason"),
    [
        (0, "LATCHED_LOSS"),
        (TO_MIDNIGHT - 1, "LATCHED_LOSS"),
        (TO_MIDNIGHT, ""),
        (TO_MIDNIGHT + HOUR, ""),
    ],
)
def test_loss_latch_ends_with_the_day(after: int, reason: str) -> None:
    drive = held()
    every(LOSING, mark(4_980_000), later(after))(drive)
    assert entry(drive, "later") == reason


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        (10 * MINUTE, 10 * MINUTE, "COOLDOWN"),
        (10 * MINUTE, 60 * MINUTE - 1, "COOLDOWN"),
        (10 * MINUTE, 60 * MINUTE, ""),
        (60 * MINUTE, 60 * MINUTE, ""),
    ],
)
def test_latch_of_a_late_hour_holds_for_its_cooldown(before: int, after: int, reason: str) -> None:
    drive = held()
    every(later(TO_MIDNIGHT - before), LOSING, mark(4_980_000), later(after))(drive)
    assert entry(drive, "later") == reason


def test_new_day_counts_its_own_loss_from_the_last_mark_of_the_old_one() -> None:
    drive = held()
    every(limits(loss_max="2", cooldown_minutes=0), mark(4_990_000))(drive)
    drive.clock += TO_MIDNIGHT
    assert latched(drive.mark(BTC.symbol, 4_975_000, 4_975_000)) == []
    (decision,) = latched(drive.mark(BTC.symbol, 4_969_999, 4_969_999))
    assert decision.detail == "of the day 2.0001 >= 2"


def test_peak_outlives_the_day() -> None:
    drive = held()
    every(limits(drawdown_bps=20), mark(5_000_000), mark(5_100_000), mark(5_000_000))(drive)
    peak = drive.tables.guards.watches["a"].peak
    later(TO_MIDNIGHT)(drive)
    assert drive.tables.guards.watches["a"].peak == peak
    (decision,) = latched(drive.mark(BTC.symbol, 4_890_000, 4_890_000))
    assert decision.reason == "LATCHED_DRAWDOWN"


def test_fees_of_yesterday_do_not_count() -> None:
    drive = held()
    every(limits(fees_max="1.3", cooldown_minutes=0), later(TO_MIDNIGHT))(drive)
    assert entry(drive, "today") == ""


@pytest.mark.parametrize("name", ["DRAWDOWN", "MARGIN"])
def test_only_a_resume_lifts_what_no_day_does(name: str) -> None:
    drive = held()
    watch = drive.tables.guards.watches["a"]
    drive.tables.guards.watches.put("a", _with(watch, name, drive.clock))
    later(3 * DAY)(drive)
    assert entry(drive, "d3") == f"LATCHED_{name}"
    (applied,) = drive.control(control.Resume(account="a", reason="looked at", seq=1))
    assert (applied.message.kind, applied.message.reason) == ("control", "RESUME")
    place = drive.offsets["control"] - 1
    assert applied.message.decision_id == f"1-control-{place}-0"
    assert entry(drive, "d4") == ""


@pytest.mark.parametrize("name", ["LOSS", "FEES"])
def test_resume_leaves_the_latches_of_the_day(name: str) -> None:
    drive = held()
    watch = drive.tables.guards.watches["a"]
    drive.tables.guards.watches.put("a", _with(watch, name, drive.clock))
    drive.control(control.Resume(account="a", reason="impatient", seq=1))
    assert entry(drive, "late") == f"LATCHED_{name}"


def test_resume_counts_the_fall_from_here_on_and_once_by_its_seq() -> None:
    drive = held()
    every(limits(drawdown_bps=2), mark(4_980_000))(drive)
    assert entry(drive, "e1") == "LATCHED_DRAWDOWN"
    resume = control.Resume(account="a", reason="looked at", seq=5)
    drive.control(resume)
    mark(4_980_000)(drive)
    assert entry(drive, "e2") == ""
    (again,) = latched(drive.mark(BTC.symbol, 4_959_999, 4_959_999))
    assert (again.reason, again.detail) == ("LATCHED_DRAWDOWN", "bps of the peak 2 >= 2")
    with pytest.raises(Undecodable, match="CONTROL_REPLAYED"):
        drive.control(resume)
    assert entry(drive, "e3") == "LATCHED_DRAWDOWN"


def test_deposit_is_no_gain_and_withdrawal_no_loss() -> None:
    drive = held()
    every(limits(loss_max="100", drawdown_bps=100), mark(5_000_000))(drive)
    before = drive.tables.guards.watches["a"]
    for number, amount in enumerate(["5000", "-9000"]):
        drive.control(control.Cash(account="a", id=f"m{number}", currency="USD", amount=amount))
    watch = drive.tables.guards.watches["a"]
    assert watch.opening == before.opening - 4_000 * money.UNIT
    assert latched(drive.mark(BTC.symbol, 4_999_999, 5_000_001)) == []
    assert entry(drive, "e1") == ""


def test_withdrawal_keeps_the_fall_as_a_share_of_the_peak() -> None:
    drive = held()
    every(limits(drawdown_bps=100), mark(4_500_000))(drive)  # 50 of 10,000 down, and the fee
    drive.control(control.Cash(account="a", id="w", currency="USD", amount="-7000"))
    watch, nav = drive.tables.guards.watches["a"], _nav(drive)
    assert (watch.peak - nav) * 10_000 // watch.peak == 51
    assert latched(drive.mark(BTC.symbol, 4_500_000, 4_500_000)) == []


def test_profile_may_close_positions_too() -> None:
    drive = held()
    limits(loss_max="5", flatten=True)(drive)
    drive.order(**EXIT, client_order_id="exit")
    outputs = drive.mark(BTC.symbol, 4_950_000, 4_950_000)
    assert [decision.reason for decision in latched(outputs)] == ["LATCHED_LOSS"]
    assert [cancel.reason for cancel in cancels(outputs)] == ["FLATTENED"]
    orders = [o.message.order for o in outputs if o.topic is topics.ACCEPTED and o.message.order]
    assert orders[0].order_id.startswith("1-flatten:market.marks:0-0-")
    assert [(o.symbol, o.side, o.qty, o.reduce_only, o.tif) for o in orders] == [
        (BTC.symbol, "sell", 10, True, "GTC")
    ]
    drive.fill(orders[0].order_id, 10, 4_949_000)
    drive.commit()
    assert drive.tables.positions[f"a|{BTC.symbol}"].qty == 0


def test_mark_of_a_symbol_that_nobody_holds_weighs_nobody() -> None:
    drive = held()
    every(limits(loss_max="1"), mark(4_999_999))(drive)
    drive.fill(
        drive.order(**EXIT | {"price": "49000.00"}, client_order_id="x").order_id, 10, 4_900_000
    )
    assert drive.tables.guards.holders.of(BTC.symbol) == ()
    assert latched(drive.mark(BTC.symbol, 4_000_000, 4_000_000)) == []
    assert latched(drive.mark(ETH.symbol, 1, 1)) == []


def test_worth_that_is_unknown_latches_nothing_and_admits_nothing() -> None:
    drive = held()
    ether = drive.order(symbol=ETH.symbol, qty="0.010", price="2000.00", client_order_id="e")
    drive.fill(ether.order_id, 10, 200_000)
    LOSING(drive)
    drive.tables.marks.delete(ETH.symbol)
    assert latched(drive.mark(BTC.symbol, 4_000_000, 4_000_000)) == []
    assert entry(drive, "blind") == "NO_PRICE"


def test_latch_survives_a_restart() -> None:
    drive = held()
    every(LOSING, mark(4_980_000))(drive)
    _restart(drive)
    assert entry(drive, "after") == "LATCHED_LOSS"
    assert drive.tables.guards.holders.of(BTC.symbol) == ("a",)


def test_latch_of_a_chunk_that_is_discarded_is_gone() -> None:
    drive = held()
    LOSING(drive)
    drive.commit()
    mark(4_980_000)(drive)
    for table in drive.tables.all():
        table.discard()
    assert drive.tables.guards.watches["a"].latched == {}
    assert drive.tables.guards.holders.of(BTC.symbol) == ("a",)


def test_equity_is_on_record_once_a_minute() -> None:
    drive = held()

    def told() -> list[tuple[str, str, str, str]]:
        outputs = drive.mark(BTC.symbol, 5_000_000, 5_000_000)
        found = [o.message for o in outputs if o.topic is topics.POSITIONS]
        return [(p.symbol, p.currency, p.equity, p.exposure) for p in found]

    assert told() == [("", "USD", "9998.7", "500")]
    assert told() == []
    drive.clock += MINUTE - drive.clock % MINUTE - 1
    assert told() == []
    drive.clock += 1
    assert told() == [("", "USD", "9998.7", "500")]


def _with(watch: Watch, name: str, since: int) -> Watch:
    return Watch(
        watch.day, watch.opening, watch.peak, watch.fees, {name: since}, watch.seq, watch.minute
    )


def _nav(drive: Drive) -> int:
    position, balance = drive.tables.positions[f"a|{BTC.symbol}"], drive.tables.balances["a|USD"]
    return balance.cash + BTC.notional(drive.tables.marks[BTC.symbol].mid2, position.qty) // 2


def _restart(drive: Drive) -> None:
    drive.commit()
    fresh = AccountTables(0)
    for old, new in zip(drive.tables.all(), fresh.all(), strict=True):
        for key, value in old.items():
            old.put(key, value)
        for name, data in old.seal():
            new.load(name.decode().partition("|")[2], data)
    drive.tables = fresh
