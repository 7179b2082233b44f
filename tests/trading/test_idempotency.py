"""One effect an id, for ever; the memory of ids is bounded, the promise is not."""

import pytest

from agents.handler import Output
from streams import control, topics
from streams.orders import time_text
from tables import intake
from tests.trading.drive import START_NS, ready

LIMIT = {"qty": "0.010", "price": "50000.00"}
DAY_NS = 86_400 * 10**9


def test_hundred_copies_have_one_effect() -> None:
    drive = ready()
    first = drive.order(**LIMIT)
    for number in range(100):
        outputs = drive.outputs(**LIMIT)
        assert [output.topic for output in outputs] == [topics.DECISIONS]
        repeat = outputs[0].message
        assert (repeat.outcome, repeat.order_id) == ("duplicate", first.order_id)
        assert repeat.detail == "first at offset 0: accepted, now ACCEPTED"
        if number % 10 == 0:
            drive.commit()
    assert len(list(drive.tables.orders.items())) == 1


def test_restored_cell_knows_the_ids_of_the_former_one() -> None:
    drive = ready()
    first = drive.order(**LIMIT)
    again = ready()
    for old, new in zip(drive.tables.all(), again.tables.all(), strict=True):
        for key, value in old.seal():
            new.load(key.decode().partition("|")[2], value)
    repeat = again.order(**LIMIT)
    assert (repeat.outcome, repeat.order_id) == ("duplicate", first.order_id)
    assert set(again.tables.open_orders.of("a")) == {first.order_id}


def test_other_payload_under_a_spent_id_is_refused() -> None:
    drive = ready()
    drive.order(**LIMIT)
    other = drive.order(**LIMIT | {"qty": "0.011"})
    assert (other.reason, other.detail) == ("DUPLICATE_ID_MISMATCH", "first used at offset 0")
    assert drive.order(**LIMIT).outcome == "duplicate"


def test_rejected_command_spends_its_id() -> None:
    drive = ready()
    drive.tables.limits.delete("a")
    assert drive.order(**LIMIT).reason == "NO_LIMITS"
    drive.control(control.Limits(account="a"))
    repeat = drive.order(**LIMIT)
    assert (repeat.outcome, repeat.reason, repeat.order_id) == ("duplicate", "NO_LIMITS", "")
    assert drive.order(**LIMIT | {"qty": "0.02"}).reason == "DUPLICATE_ID_MISMATCH"


def test_unreadable_command_spends_its_id_but_not_one_in_use() -> None:
    drive = ready()
    assert drive.order(qty=1).reason == "BAD_FIELD"
    assert drive.order(**LIMIT).reason == "DUPLICATE_ID_MISMATCH"
    drive.order(**LIMIT, client_order_id="c2")
    assert drive.order(qty=1, client_order_id="c2").reason == "BAD_FIELD"
    assert drive.order(**LIMIT, client_order_id="c2").outcome == "duplicate"


def test_repeat_is_answered_while_killed() -> None:
    drive = ready()
    drive.order(**LIMIT)
    drive.control(control.Kill(scope="global", action="kill", reason="r", seq=1))
    assert drive.order(**LIMIT).outcome == "duplicate"


def test_same_id_of_another_account_is_another_command() -> None:
    drive = ready()
    drive.control(control.Account(account="b", mode="sim"))
    drive.control(control.Limits(account="b"))
    drive.control(control.Cash(account="b", id="1", currency="USD", amount="10000"))
    assert drive.order(**LIMIT).outcome == "accepted"
    assert drive.order(**LIMIT, account="b").outcome == "accepted"


def test_command_repeated_from_beyond_the_window_is_stale() -> None:
    drive = ready()
    created_at = time_text(drive.clock)
    drive.order(type="market", qty="0.001", price=None, created_at=created_at)
    drive.ended("1-0-0", "CANCELLED", 0)
    drive.clock += 7 * DAY_NS
    assert _stale(drive.outputs(**LIMIT, created_at=created_at, client_order_id="other"))
    assert "a|c1" not in drive.tables.spent
    assert _stale(drive.outputs(type="market", qty="0.001", price=None, created_at=created_at))


def test_full_memory_forgets_the_oldest_and_refuses_what_is_as_old(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(intake, "IDS_MAX", 3)
    drive = ready()
    times = [time_text(START_NS + second * 10**9) for second in range(9)]
    for number in range(5):
        drive.order(qty="0", client_order_id=f"c{number}", created_at=times[number])
        drive.commit()
    assert sorted(key for key, _ in drive.tables.spent.items()) == ["a|c2", "a|c3", "a|c4"]
    assert (
        drive.order(qty="0", client_order_id="c0", created_at=times[0]).reason == "QTY_NOT_POSITIVE"
    )
    assert drive.order(**LIMIT, client_order_id="c1", created_at=times[1]).reason == "STALE_COMMAND"
    assert drive.order(**LIMIT, client_order_id="n", created_at=times[8]).outcome == "accepted"


def test_ids_of_live_orders_are_never_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "IDS_MAX", 2)
    drive = ready()
    order_id = drive.order(**LIMIT, client_order_id="live").order_id
    for number in range(5):
        drive.order(qty="0", client_order_id=f"c{number}")
    assert "a|live" in drive.tables.spent
    drive.ended(order_id, "CANCELLED", 0)
    for number in range(5, 7):
        drive.order(qty="0", client_order_id=f"c{number}", created_at=time_text(START_NS + 1))
    assert "a|live" not in drive.tables.spent


def _stale(outputs: list[Output]) -> bool:
    return [output.message.reason for output in outputs] == ["STALE_COMMAND"]
