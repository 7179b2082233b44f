"""Bad bytes on `orders`: a dead letter when nobody can be answered, else one rejection; never both, never slow."""

import json
import time
from typing import Any

import pytest

from agents.handler import Output
from streams import codec, instants, orders, topics
from streams.codec import Undecodable
from streams.orders import Cancel, New
from tests.trading.drive import ready

GOOD: dict[str, Any] = {
    "v": 1, "cmd": "new", "account": "a", "client_order_id": "c1",
    "created_at": "2026-11-24T10:00:00Z", "symbol": "BTC/USD.KRAKEN", "side": "buy",
    "type": "limit", "qty": "0.010", "price": "50000.00",
}  # fmt: skip
TEXT = json.dumps(GOOD)
DEAD: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "NOT_JSON"),
    "truncated": (TEXT[:-1].encode(), "NOT_JSON"),
    "two documents": ((TEXT + TEXT).encode(), "NOT_JSON"),
    "trailing bytes": ((TEXT + " x").encode(), "NOT_JSON"),
    "not utf-8": (b"\xff\xfe" + TEXT.encode(), "NOT_UTF8"),
    "surrogate bytes": (TEXT.replace("c1", "\ud800").encode(errors="surrogatepass"), "NOT_UTF8"),
    "byte order mark": (b"\xef\xbb\xbf" + TEXT.encode(), "NOT_UTF8"),
    "array": (b"[]", "NOT_AN_OBJECT"),
    "string": (b'"order"', "NOT_AN_OBJECT"),
    "number": (b"17", "NOT_AN_OBJECT"),
    "null": (b"null", "NOT_AN_OBJECT"),
    "duplicate key": ((TEXT[:-1] + ', "qty": "1"}').encode(), "DUPLICATE_KEY"),
    "duplicate inside": (b'{"bracket": {"a": 1, "a": 1}}', "DUPLICATE_KEY"),
    "bare NaN": (TEXT.replace('"0.010"', "NaN").encode(), "NOT_JSON"),
    "bare Infinity": (TEXT.replace('"0.010"', "-Infinity").encode(), "NOT_JSON"),
    "2,000 arrays": (b"[" * 2000, "TOO_DEEP"),
    "five levels": (b'{"a": [[[[1]]]]}', "TOO_DEEP"),
    "100,000 arrays": (b"[" * 100_000, "TOO_LARGE"),
    "2,000 objects": (b'{"a":' * 1600, "TOO_DEEP"),
    "10,000 digits": (TEXT.replace('"0.010"', "1" * 10_000).encode(), "TOO_LARGE"),
    "one byte too many": (TEXT.encode().ljust(8193), "TOO_LARGE"),
    "no id": (json.dumps({**GOOD, "client_order_id": None}).encode(), "NO_ID"),
    "id of 65": (json.dumps({**GOOD, "client_order_id": "x" * 65}).encode(), "NO_ID"),
    "id with newline": (json.dumps({**GOOD, "client_order_id": "c1\n"}).encode(), "NO_ID"),
    "id is a number": (json.dumps({**GOOD, "client_order_id": 1}).encode(), "NO_ID"),
    "no account": (json.dumps({**GOOD, "account": ""}).encode(), "NO_ID"),
    "not an order": (b"{}", "NO_ID"),
}  # fmt: skip


@pytest.mark.parametrize("name", DEAD)
def test_nobody_to_answer_is_a_dead_letter(name: str) -> None:
    data, reason = DEAD[name]
    with pytest.raises(Undecodable) as refused:
        orders.decode(data)
    assert refused.value.reason == reason


def _with(**fields: Any) -> bytes:
    return json.dumps({**GOOD, **fields}).encode()


REJECTED: dict[str, tuple[bytes, str]] = {
    "version 999": (_with(v=999), "BAD_VERSION"),
    "version as text": (_with(v="1"), "BAD_VERSION"),
    "version true": (_with(v=True), "BAD_VERSION"),
    "version 1.0": (_with(v=1.0), "BAD_VERSION"),
    "no version": (_with(v=None), "BAD_VERSION"),
    "qty bare": (_with(qty=1), "BAD_FIELD"),
    "qty true": (_with(qty=True), "BAD_FIELD"),
    "qty null": (_with(qty=None), "BAD_COMBINATION"),
    "qty an object": (_with(qty={"value": "1"}), "BAD_FIELD"),
    "qty 1e999 bare": (TEXT.replace('"0.010"', "1e999").encode(), "BAD_FIELD"),
    "qty 1e999999 bare": (TEXT.replace('"0.010"', "1e999999").encode(), "BAD_FIELD"),
    "qty of 5,000 digits bare": (TEXT.replace('"0.010"', "1" * 5000).encode(), "BAD_FIELD"),
    "qty of 5,000 digits": (_with(qty="1" * 5000), "BAD_FIELD"),
    "qty NaN": (_with(qty="NaN"), "BAD_NUMBER"),
    "qty Infinity": (_with(qty="Infinity"), "BAD_NUMBER"),
    "qty 1e999": (_with(qty="1e999"), "BAD_NUMBER"),
    "qty 1e999999": (_with(qty="1e999999"), "BAD_NUMBER"),
    "qty with a plus": (_with(qty="+1"), "BAD_NUMBER"),
    "qty in other digits": (_with(qty="١"), "BAD_NUMBER"),
    "qty of 19 decimals": (_with(qty="0.0000000000000000001"), "BAD_NUMBER"),
    "symbol a lone surrogate": (_with(symbol="\ud800"), "BAD_FIELD"),
    "field named a lone surrogate": (_with(**{"\ud800": 1}), "BAD_FIELD"),
    "field with control characters": (_with(**{"a\x00\n": 1}), "UNKNOWN_FIELD"),
    "700 unknown fields": (_with(**{f"f{n}": 1 for n in range(700)}), "UNKNOWN_FIELD"),
    "unknown trigger of a stop loss": (
        _with(bracket={"stop_loss": {"stop_price": "1", "trigger": "bid"}}),
        "BAD_FIELD",
    ),
    "no cmd": (_with(cmd=None), "BAD_FIELD"),
    "amend": (_with(cmd="amend"), "UNKNOWN_COMMAND"),
    "local time": (_with(created_at="2026-11-24T10:00:00+01:00"), "BAD_TIME"),
    "30 February": (_with(created_at="2026-02-30T10:00:00Z"), "BAD_TIME"),
    "leap second": (_with(created_at="2016-12-31T23:59:60Z"), "BAD_TIME"),
    "1999": (_with(created_at="1999-12-31T23:59:59Z"), "BAD_TIME"),
    "10 decimals": (_with(created_at="2026-11-24T10:00:00.0123456789Z"), "BAD_TIME"),
    "reason with a line break": (
        b'{"v":1,"cmd":"cancel","account":"a","client_order_id":"c1","target":"x",'
        b'"created_at":"2026-11-24T10:00:00Z","reason":"a\\nb"}',
        "BAD_FIELD",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REJECTED)
def test_wrong_command_of_a_known_sender_is_rejected_once(name: str) -> None:
    data, reason = REJECTED[name]
    drive = ready()
    started = time.perf_counter()
    outputs = drive.send(topics.ORDERS, "a", data)
    assert time.perf_counter() - started < 1
    assert [output.topic for output in outputs] == [topics.DECISIONS]
    decision = outputs[0].message
    assert (decision.outcome, decision.reason) == ("rejected", reason)
    assert topics.DECISIONS.decode(codec.encode(decision)) == decision
    assert "a|c1" in drive.tables.spent


def test_good_order_between_bad_ones_is_accepted() -> None:
    drive = ready()
    for number, (data, _) in enumerate(REJECTED.values()):
        drive.send(topics.ORDERS, "a", data)
        good = drive.order(client_order_id=f"good{number}", qty="0.001", price="10000.00")
        assert good.outcome == "accepted"


@pytest.mark.parametrize("key", [None, "b", ""])
def test_key_that_is_not_the_account_is_a_dead_letter(key: str | None) -> None:
    drive = ready()
    with pytest.raises(Undecodable) as refused:
        drive.send(topics.ORDERS, key, TEXT.encode())
    assert refused.value.reason == "KEY_MISMATCH"
    assert "a|c1" not in drive.tables.spent


def test_command_on_another_partition_is_sent_on_as_it_came() -> None:
    drive = ready()
    drive.risk._partition_of = lambda account: 3
    data = json.dumps(GOOD, indent=1).encode()
    outputs = drive.send(topics.ORDERS, "a", data)
    assert outputs[0] == Output(topics.ORDERS, "a", data)
    assert [output.message.outcome for output in outputs[1:]] == ["forwarded"]
    assert "a|c1" not in drive.tables.spent


def test_digest_is_of_the_tree_not_of_its_spelling() -> None:
    spelled = json.dumps(dict(reversed(GOOD.items())), indent=2).replace("a", "\\u0061").encode()
    assert orders.decode(spelled).digest == orders.decode(TEXT.encode()).digest
    assert orders.decode(_with(qty="0.01")).digest != orders.decode(TEXT.encode()).digest


def test_encoded_commands_are_read_back() -> None:
    new = New.model_validate(GOOD)
    cancel = Cancel(
        v=1, cmd="cancel", account="a", client_order_id="c2", created_at=new.created_at, target="c1"
    )
    assert orders.decode(orders.encode(new)).command == new
    assert orders.decode(orders.encode(cancel)).command == cancel
    assert orders.decode(new.model_dump_json().encode()).command == new  # nulls for what is absent


@pytest.mark.parametrize("time_ns", [1_795_514_400 * 10**9, 1_795_514_400_123_456_789])
def test_times_are_kept_to_the_nanosecond(time_ns: int) -> None:
    assert instants.nanoseconds(instants.time_text(time_ns)) == time_ns
