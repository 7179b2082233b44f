"""A control record that cannot be read closes the scope of its key for entries alone, until a good one comes."""

from typing import Any

import pytest

from streams import control, topics
from streams.codec import Undecodable
from tests.trading.drive import BTC, ETH, Drive, ready, wide

LIMIT: dict[str, Any] = {"qty": "0.010", "price": "50000.00"}
ETHER: dict[str, Any] = {"symbol": ETH.symbol, "qty": "0.010", "price": "2000.00"}
BYTES = b'{"kind": "kill", "scope": "glob'


def _unreadable(drive: Drive, key: str | None, data: bytes = BYTES) -> None:
    with pytest.raises(Undecodable) as refused:
        drive.send(topics.CONTROL, key, data)
    assert refused.value.reason in ("CONTROL_INVALID", "INSTRUMENT_KIND_UNSUPPORTED")


@pytest.mark.parametrize(
    ("key", "closed"),
    [
        (None, True), ("", True), ("nonsense", True), ("kill:global", True), ("kill:x", True),
        ("kill:account:a", True), ("kill:account:b", False), (f"kill:symbol:{BTC.symbol}", True),
        (f"kill:symbol:{ETH.symbol}", False), ("kill:strategy:s", True), ("kill:strategy:t", False),
        ("account:a", True), ("account:b", False), ("limits:a", True), ("limits:b", False),
        ("cash:a:1", True), ("cash:b:1", False), (f"instrument:{BTC.symbol}", True),
        (f"instrument:{ETH.symbol}", False), ("fees:kraken", True), ("fees:other", False),
        ("review:1-0-0", False),
    ],
)  # fmt: skip
def test_scope_of_the_key_is_closed(key: str | None, closed: bool) -> None:
    drive = ready()
    _unreadable(drive, key)
    decision = drive.order(**LIMIT, strategy="s")
    assert (decision.reason == "CONTROL_INVALID") == closed
    assert (decision.outcome == "accepted") != closed
    if closed:
        assert decision.detail == f"{key or 'a record without key'}@5"


def test_exits_pass_and_cancels_too() -> None:
    drive = ready()
    drive.fill(drive.order(**LIMIT, client_order_id="held").order_id, 10, 5_000_000)
    drive.order(**LIMIT, client_order_id="resting")
    _unreadable(drive, None)
    assert drive.order(**LIMIT, side="sell", client_order_id="exit").outcome == "accepted"
    assert drive.order(cmd="cancel", target="resting", client_order_id="x").outcome == "accepted"


def test_good_record_of_the_same_key_opens_it_again() -> None:
    drive = ready()
    _unreadable(drive, "limits:a")
    drive.control(wide("b"))
    assert drive.order(**LIMIT, client_order_id="c1").reason == "CONTROL_INVALID"
    drive.control(wide())
    assert drive.order(**LIMIT, client_order_id="c2").outcome == "accepted"


def test_record_under_a_foreign_key_is_not_understood_either() -> None:
    drive = ready()
    _unreadable(drive, "kill:account:a", control.encode(wide()))
    assert drive.order(**LIMIT).reason == "CONTROL_INVALID"
    assert drive.order(**LIMIT, client_order_id="c2", account="b").reason == "UNKNOWN_ACCOUNT"


def test_limits_before_the_unreadable_ones_stay_in_force_for_what_reduces() -> None:
    drive = ready()
    _unreadable(drive, "account:a")
    assert drive.order(cmd="cancel", target="x", client_order_id="x").reason == "UNKNOWN_ORDER"


def test_account_whose_only_record_is_unreadable_is_unknown() -> None:
    drive = ready()
    _unreadable(drive, "account:b")
    assert drive.order(**LIMIT, account="b").reason == "UNKNOWN_ACCOUNT"


def test_refused_change_closes_nothing() -> None:
    drive = ready()
    changed = BTC.model_copy(update={"tick": "0.1"})
    with pytest.raises(Undecodable, match="is fixed"):
        drive.control(control.InstrumentRecord(instrument=changed))
    assert drive.order(**LIMIT).outcome == "accepted"


def test_kind_that_is_not_served_is_refused_at_load() -> None:
    drive = ready()
    data = control.encode(control.InstrumentRecord(instrument=ETH)).replace(b'"spot"', b'"future"')
    with pytest.raises(Undecodable) as refused:
        drive.send(topics.CONTROL, f"instrument:{ETH.symbol}", data)
    assert refused.value.reason == "INSTRUMENT_KIND_UNSUPPORTED"
    assert drive.order(**ETHER).reason == "CONTROL_INVALID"


def test_closed_scope_survives_a_restart() -> None:
    drive, again = ready(), ready()
    _unreadable(drive, "limits:a")
    for old, new in zip(drive.tables.all(), again.tables.all(), strict=True):
        for key, value in old.seal():
            new.load(key.decode().partition("|")[2], value)
    assert again.order(**LIMIT).reason == "CONTROL_INVALID"
