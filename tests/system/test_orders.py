"""Orders as strangers send them to the running engine: each is filled, or refused by name, and nothing is lost."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from streams import orders
from tests.system.conftest import Engine

pytestmark = pytest.mark.kafka
DOCUMENT = Path(__file__).parents[2] / "docs" / "orders.md"

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "unknown-symbol": ({"symbol": "NO/USD.SIM"}, "UNKNOWN_SYMBOL"),
    "nan": ({"qty": "NaN"}, "BAD_NUMBER"),
    "negative": ({"qty": "-1"}, "QTY_NOT_POSITIVE"),
    "exponent": ({"qty": "1e999"}, "BAD_NUMBER"),
    "number-for-string": ({"qty": 1}, "BAD_FIELD"),
    "unknown-account": ({"account": "nobody"}, "UNKNOWN_ACCOUNT"),
    "off-lot": ({"qty": "0.0000000000001"}, "QTY_OFF_LOT"),
    "limit-without-price": ({"type": "limit"}, "PRICE_MISSING"),
    "market-with-price": ({"price": "1"}, "PRICE_NOT_ALLOWED"),
    "unknown-type": ({"type": "iceberg"}, "UNKNOWN_TYPE"),
    "unknown-field": ({"hidden": True}, "UNKNOWN_FIELD"),
    "too-large": ({"qty": "1000"}, "NOTIONAL_MAX"),
    "nothing-to-sell": ({"side": "sell", "symbol": "DOGE/USD.SIM", "qty": "1000"}, "INSUFFICIENT_POSITION"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_bad_order_is_refused_by_name(engine: Engine, name: str) -> None:
    fields, reason = REFUSED[name]
    order = engine.order(f"bad-{name}", **fields)
    engine.send(order, key=order["account"])
    decision = engine.decision(f"bad-{name}")
    assert (decision["outcome"], decision["reason"]) == ("rejected", reason)


DEAD = {
    "no-account": (b'{"v":1,"cmd":"new","client_order_id":"x"}', "NO_ID"),
    "no-json": (b"buy low", "NOT_JSON"),
    "bare-nan": (b'{"v":1,"cmd":"new","account":"paper","client_order_id":"y","qty":NaN}', "NOT_JSON"),
    "not-utf8": (b"\xff\xfe", "NOT_UTF8"),
}  # fmt: skip


@pytest.mark.parametrize("name", DEAD)
def test_unaddressable_command_is_a_dead_letter(engine: Engine, name: str) -> None:
    value, reason = DEAD[name]
    engine.send(value + b" " * len(name))
    letter = engine.until("dead.letters", lambda d: d["length"] == len(value) + len(name))
    assert (letter["reason"], letter["origin"][0]) == (reason, "orders")


def test_market_order_is_filled_and_moves_the_position(engine: Engine) -> None:
    engine.send(engine.order("good-1"))
    decision = engine.decision("good-1")
    assert decision["outcome"] == "accepted"
    fill = engine.until("fills", lambda f: f["client_order_id"] == "good-1")
    assert fill["cause"][0] == "market.quotes"
    position = engine.until("positions", lambda p: p.get("fill_id") == fill["fill_id"])
    assert position["account"] == "paper"


def test_same_order_twice_acts_once(engine: Engine) -> None:
    order = engine.order("twice-1")
    engine.send(order)
    engine.decision("twice-1")
    engine.send(order)
    engine.until(
        "risk.decisions",
        lambda d: d.get("client_order_id") == "twice-1" and d["outcome"] == "duplicate",
    )
    engine.until(
        "orders.events", lambda e: e["client_order_id"] == "twice-1" and e["state"] == "FILLED"
    )
    events = [e for e in engine.read("orders.events") if e["client_order_id"] == "twice-1"]
    assert len({event["order_id"] for event in events}) == 1
    accepted = [
        d for d in engine.read("risk.decisions")
        if d.get("client_order_id") == "twice-1" and d["outcome"] == "accepted"
    ]  # fmt: skip
    assert len(accepted) == 1


def test_producer_with_another_partitioner_is_served_alike(engine: Engine) -> None:
    """librdkafka's default partitioner puts a key elsewhere than murmur2 does."""
    producer = Producer({"bootstrap.servers": engine.brokers, "enable.idempotence": True})
    names = [f"foreign-{number}" for number in range(4)]
    for partition, name in enumerate(names):
        value = json.dumps(engine.order(name))
        producer.produce("orders", value, key="paper", partition=partition)
    assert producer.flush(20) == 0
    assert {engine.decision(name)["outcome"] for name in names} == {"accepted"}
    forwarded = [
        d for d in engine.read("risk.decisions")
        if d.get("client_order_id") in names and d["outcome"] == "forwarded"
    ]  # fmt: skip
    assert len(forwarded) == 3


def documented() -> list[bytes]:
    return [
        block.encode() for block in re.findall(r"```json\n(.*?)```", DOCUMENT.read_text(), re.S)
    ]


def test_every_documented_command_is_the_contract() -> None:
    commands = [orders.decode(block) for block in documented()]
    assert {type(parsed.command).__name__ for parsed in commands} == {"New", "Replace", "Cancel"}
    assert all(parsed.command is not None and not parsed.reason for parsed in commands)


def test_documented_orders_are_accepted_and_cancelled(engine: Engine) -> None:
    now = engine.order("-")["created_at"]
    ids = [json.loads(block)["client_order_id"] for block in documented()]
    for block in documented():
        engine.send({**json.loads(block), "created_at": now})
    outcomes = {id: engine.decision(id) for id in ids}
    assert {id: (d["outcome"], d.get("reason", "")) for id, d in outcomes.items()} == {
        id: ("accepted", "") for id in ids
    }
    cancelled = engine.until(
        "orders.events",
        lambda e: e["client_order_id"] == "doc-2" and e["state"] == "CANCELLED",
    )
    assert cancelled["filled"] == "0"
