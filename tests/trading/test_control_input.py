"""Bad bytes on `control` change nothing; good ones stand under their own key and keep what is fixed."""

import json
from typing import Any

import pytest

from agents import reference
from agents.handler import Event
from streams import control, topics
from streams.codec import Undecodable
from tables.account_tables import AccountTables
from tests.trading.drive import BTC, Drive, Entry, ready

LIMITS = {"kind": "limits", "account": "a", "order_notional_max": "5"}
KILL = {"kind": "kill", "scope": "global", "action": "kill", "reason": "r", "seq": 1}
CASH = {"kind": "cash", "account": "a", "id": "1", "currency": "USD", "amount": "5"}
TIERS = [{"from": "0", "maker": 1600, "taker": 2600}]
FEES = {"kind": "fees", "name": "own", "tiers": TIERS}
REVIEW = {"kind": "review", "order_id": "1-0-0", "verdict": "approve", "reviewer": "r"}
TRADED = {"kind": "instrument", "instrument": json.loads(BTC.model_dump_json())}
BAD: dict[str, Any] = {
    "empty": b"",
    "not utf-8": b"\xff\xfe",
    "array": b"[]",
    "too deep": b"[" * 100,
    "too large": json.dumps(KILL).encode().ljust(8193),
    "duplicate key": b'{"kind":"kill","kind":"kill"}',
    "NaN": json.dumps(KILL | {"seq": float("nan")}).encode(),
    "no kind": {},
    "unknown kind": KILL | {"kind": "pause"},
    "unknown action": KILL | {"action": "stop"},
    "unknown scope": KILL | {"scope": "everything"},
    "scope with a line break": KILL | {"scope": "account:a\n"},
    "no reason": KILL | {"reason": ""},
    "seq as text": KILL | {"seq": "1"},
    "seq true": KILL | {"seq": True},
    "seq 0": KILL | {"seq": 0},
    "unknown field": KILL | {"until": "noon"},
    "flatten with a resume": KILL | {"action": "resume", "flatten": True},
    "flatten of a strategy": KILL | {"scope": "strategy:s", "flatten": True},
    "fees from 1 on": FEES | {"tiers": [{"from": "1", "maker": 1, "taker": 2}]},
    "fees that fall": FEES | {"tiers": [*TIERS, {"from": "0", "maker": 1, "taker": 2}]},
    "no tiers": FEES | {"tiers": []},
    "verdict on no order": REVIEW | {"order_id": "1-0"},
    "unknown verdict": REVIEW | {"verdict": "maybe"},
    "negative limit": LIMITS | {"order_notional_max": "-1"},
    "limit NaN": LIMITS | {"gross_exposure_max": "NaN"},
    "limit bare": LIMITS | {"order_notional_max": 5},
    "limit 1e999999": LIMITS | {"order_notional_max": "1e999999"},
    "limit too large": LIMITS | {"order_notional_max": "1" + "0" * 15},
    "no open orders": LIMITS | {"open_orders_max": 0},
    "amount bare": CASH | {"amount": 5},
    "amount unreadable": CASH | {"amount": "five"},
    "currency lower case": CASH | {"currency": "usd"},
    "currency with a separator": CASH | {"currency": "US|D"},
    "account id with a separator": CASH | {"account": "a|b"},
    "fee rate of 11 percent": {"kind": "account", "account": "a", "taker_rate": 110_000},
    "instrument without a tick": {"kind": "instrument", "instrument": {"symbol": "A.B"}},
    "tick 0": {"kind": "instrument", "instrument": TRADED["instrument"] | {"tick": "0"}},
    "least notional unreadable": {
        "kind": "instrument",
        "instrument": TRADED["instrument"] | {"min_notional": "ten"},
    },
}


@pytest.mark.parametrize("name", BAD)
def test_bad_control_is_not_understood(name: str) -> None:
    data = BAD[name] if isinstance(BAD[name], bytes) else json.dumps(BAD[name]).encode()
    with pytest.raises(Undecodable) as refused:
        control.decode(data)
    assert refused.value.reason == "CONTROL_INVALID"


@pytest.mark.parametrize(
    "record", [LIMITS, KILL, CASH, TRADED, FEES, REVIEW], ids=lambda record: record["kind"]
)
def test_good_control_is_read_back_from_its_own_bytes(record: dict[str, Any]) -> None:
    decoded = control.decode(json.dumps(record).encode())
    assert control.decode(control.encode(decoded)) == decoded


@pytest.mark.parametrize("key", ["kill:account:a", "limits:a", None])
def test_record_under_a_foreign_key_changes_nothing(key: str | None) -> None:
    drive = ready()
    with pytest.raises(Undecodable, match="CONTROL_INVALID"):
        drive.send(topics.CONTROL, key, json.dumps(KILL).encode())
    assert "global" not in drive.tables.kills


@pytest.mark.parametrize("change", [{"tick": "0.1"}, {"lot": "0.01"}, {"quote": "EUR"}])
def test_what_positions_are_counted_in_is_fixed(change: dict[str, str]) -> None:
    drive = ready()
    changed = BTC.model_copy(update=change)
    with pytest.raises(Undecodable, match="is fixed"):
        drive.control(control.InstrumentRecord(instrument=changed))
    assert drive.tables.instruments[BTC.symbol] == BTC


@pytest.mark.parametrize("change", [{"type": "margin"}, {"base_currency": "EUR"}])
def test_kind_and_currency_of_an_account_are_fixed(change: dict[str, Any]) -> None:
    drive = ready()
    with pytest.raises(Undecodable, match="are fixed"):
        drive.control(control.Account(account="a", mode="sim", **change))


def test_new_limits_and_rates_hold_from_their_record_on() -> None:
    drive = ready()
    drive.control(control.Account(account="a", mode="sim", taker_rate=0, maker_rate=0))
    drive.control(control.Limits(account="a", order_notional_max="49"))
    refused = drive.order(qty="0.001", price="50000.00")
    assert (refused.reason, refused.control_offset) == ("NOTIONAL_MAX", 6)
    assert drive.order(qty="0.001", price="49000.00", client_order_id="c2").reserved == "49"


def test_reference_data_of_an_account_stay_in_its_partition() -> None:
    cell = Drive(partitions=2, partition=0)
    cell.control(control.Account(account="a", mode="sim"))
    cell.control(control.Limits(account="a"))
    assert "a" not in cell.tables.profiles and "a" not in cell.tables.limits


def test_other_groups_keep_instruments_alone() -> None:
    tables = AccountTables(0)
    for number, record in enumerate((control.InstrumentRecord(instrument=BTC), None)):
        event: Event[Any] = Event()
        event.topic, event.partition, event.clock_ns = "control", 0, 0
        event.record = Entry(number, 0, f"instrument:{BTC.symbol}".encode(), b"")
        event.message = record
        assert list(reference.on_control(event, tables)) == []
    assert tables.instruments[BTC.symbol] == BTC
