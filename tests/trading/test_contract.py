"""The order contract: every field reaches the broker in ticks and lots; forbidden combinations are refused by name."""

from typing import Any

import pytest

from streams.ids import Ref
from streams.messages import PredictionRef
from streams.orders import time_text
from tables import combinations
from tests.trading.drive import BTC, START_NS, ready

LIMIT: dict[str, Any] = {"type": "limit", "qty": "0.010", "price": "50000.00"}
STOP: dict[str, Any] = {"type": "stop", "qty": "0.010", "stop_price": "51000.00"}
STOP_LIMIT: dict[str, Any] = {**STOP, "type": "stop_limit", "price": "51100.00"}
TRAILING: dict[str, Any] = {"type": "trailing_stop", "qty": "0.010", "trail": {"ticks": 1000}}
MARKET: dict[str, Any] = {"type": "market", "qty": "0.010"}
BRACKET = {"stop_loss": {"stop_price": "49000.00"}, "take_profit": {"price": "52000.00"}}
SIZING = {"nav_bps": 100, "edge_bps": "500"}
MINUTE_NS = 60 * 10**9
LATER = time_text(START_NS + MINUTE_NS)
ALL = {
    "limit": LIMIT,
    "stop": STOP,
    "stop_limit": STOP_LIMIT,
    "trailing_stop": TRAILING,
    "market": MARKET,
}

ACCEPTED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "market": (MARKET, {"tif": "IOC", "protection": 5_050_000, "price": 0}),
    "market FOK": (MARKET | {"tif": "FOK"}, {"tif": "FOK"}),
    "market GTC": (MARKET | {"tif": "GTC"}, {"tif": "GTC"}),
    "limit": (LIMIT, {"tif": "GTC", "price": 5_000_000, "protection": 0}),
    "limit IOC": (LIMIT | {"tif": "IOC"}, {"tif": "IOC"}),
    "limit GTD": (LIMIT | {"tif": "GTD", "expire_at": LATER},
                  {"tif": "GTD", "expire_at": START_NS + MINUTE_NS}),
    "post only": (LIMIT | {"post_only": True}, {"post_only": True}),
    "stop": (STOP, {"stop_price": 5_100_000, "trigger": "quote", "protection": 5_151_000}),
    "stop by trade": (STOP | {"trigger": "trade"}, {"trigger": "trade"}),
    "stop with its own protection": (STOP | {"protection_bps": 0}, {"protection": 5_100_000}),
    "stop limit": (STOP_LIMIT, {"stop_price": 5_100_000, "price": 5_110_000, "protection": 0}),
    "trail in ticks": (TRAILING, {"trail_ticks": 1000, "trail_bps": 0, "protection": 5_051_010}),
    "trail in bps": (TRAILING | {"trail": {"bps": 100}},
                     {"trail_ticks": 0, "trail_bps": 100, "protection": 5_100_500}),
    "bracket": (LIMIT | {"bracket": BRACKET},
                {"stop_loss": 4_900_000, "take_profit": 5_200_000, "stop_loss_trigger": "quote"}),
    "bracket that trails": (
        LIMIT | {"bracket": {"stop_loss": {"trail": {"bps": 50}, "trigger": "mark"}}},
        {"stop_loss": 0, "stop_loss_trail_bps": 50, "stop_loss_trigger": "mark", "take_profit": 0}),
    "one cancels the other": (LIMIT | {"group": {"id": "g", "kind": "oco"}},
                              {"group_id": "g", "group_kind": "oco", "parent_id": ""}),
    "one updates the other": (LIMIT | {"group": {"id": "g", "kind": "ouo"}}, {"group_kind": "ouo"}),
    "strategy": (LIMIT | {"strategy": "s"}, {"strategy": "s"}),
    "prediction": (
        LIMIT | {"prediction": {"topic": "predictions", "partition": 1, "offset": 2, "model": "m",
                                "version": "3", "p": "0.61", "edge_bps": "12.5"}},
        {"prediction": PredictionRef("predictions", 1, 2, "m", "3", 0.61, 12.5)}),
    "mode": (LIMIT, {"mode": "sim", "mode_epoch": 0}),
}  # fmt: skip


@pytest.mark.parametrize("name", ACCEPTED)
def test_field_reaches_the_broker(name: str) -> None:
    fields, expected = ACCEPTED[name]
    drive = ready()
    decision = drive.order(**{"type": None} | fields)
    assert (decision.outcome, decision.detail) == ("accepted", "")
    accepted = drive.accepted[decision.order_id]
    assert {field: getattr(accepted, field) for field in expected} == expected


def test_order_armed_by_a_parent_names_it() -> None:
    drive = ready(type="margin")
    parent = drive.order(**LIMIT, client_order_id="parent").order_id
    group = {"parent": "parent", "kind": "oto"}
    child = drive.order(**LIMIT | {"side": "sell"}, group=group, client_order_id="child")
    accepted = drive.accepted[child.order_id]
    assert (accepted.parent_id, accepted.group_kind, accepted.group_id) == (parent, "oto", "")
    drive.ended(parent, "CANCELLED", 0)
    late = drive.order(**LIMIT | {"side": "sell"}, group=group, client_order_id="late")
    assert (late.reason, late.detail) == ("BAD_COMBINATION", "group.parent parent is no live order")
    again = drive.order(**LIMIT | {"side": "sell"}, group=group, client_order_id="child")
    assert again.outcome == "duplicate"


COMBINATIONS: list[tuple[str, dict[str, Any]]] = [
    ("qty, sizing", LIMIT | {"sizing": SIZING}),
    ("neither qty nor sizing", LIMIT | {"qty": None}),
    ("sizing, reduce_only", LIMIT | {"qty": None, "sizing": SIZING, "reduce_only": True}),
    ("tif GTD without expire_at", LIMIT | {"tif": "GTD"}),
    ("expire_at without tif GTD", LIMIT | {"expire_at": LATER}),
    ("market, tif GTD", MARKET | {"tif": "GTD", "expire_at": LATER}),
    ("a stop, tif IOC or FOK", STOP | {"tif": "IOC"}),
    ("a stop, tif IOC or FOK", STOP_LIMIT | {"tif": "FOK"}),
    ("a stop, tif IOC or FOK", TRAILING | {"tif": "FOK"}),
    ("post_only, not a limit", MARKET | {"post_only": True}),
    ("post_only, not a limit", STOP_LIMIT | {"post_only": True}),
    ("post_only, tif IOC or FOK", LIMIT | {"post_only": True, "tif": "FOK"}),
    ("trigger, not a stop", LIMIT | {"trigger": "trade"}),
    ("protection_bps, a limit", LIMIT | {"protection_bps": 5}),
    ("protection_bps, a limit", STOP_LIMIT | {"protection_bps": 5}),
    ("bracket, reduce_only", LIMIT | {"bracket": BRACKET, "reduce_only": True}),
    ("bracket, group", LIMIT | {"bracket": BRACKET, "group": {"id": "g", "kind": "oco"}}),
]


@pytest.mark.parametrize(("detail", "fields"), COMBINATIONS)
def test_forbidden_combination_is_named(detail: str, fields: dict[str, Any]) -> None:
    drive = ready()
    decision = drive.order(**fields)
    assert (decision.reason, decision.detail) == ("BAD_COMBINATION", detail)


def test_every_rule_of_the_table_is_tested() -> None:
    assert {rule.fields for rule in combinations.FORBIDDEN} == {
        detail for detail, _ in COMBINATIONS
    }


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("field", ["price", "stop_price", "trail"])
def test_each_type_takes_its_own_prices_and_no_others(name: str, field: str) -> None:
    order = ALL[name]
    value: Any = {"ticks": 5} if field == "trail" else "51000.00"
    if field in combinations.PRICES[name]:
        decision = ready().order(**order | {field: None})
        assert (decision.reason, decision.detail) == ("PRICE_MISSING", f"{name} needs {field}")
    else:
        decision = ready().order(**order | {field: value, "type": name})
        assert decision.reason == "PRICE_NOT_ALLOWED"


MALFORMED: dict[str, dict[str, Any]] = {
    "trail with both": TRAILING | {"trail": {"ticks": 1, "bps": 1}},
    "trail with none": TRAILING | {"trail": {}},
    "trail of 0": TRAILING | {"trail": {"ticks": 0}},
    "trail true": TRAILING | {"trail": {"ticks": True}},
    "trail of the whole price": TRAILING | {"trail": {"bps": 10_000}},
    "stop loss with both": LIMIT | {"bracket": {"stop_loss": {"stop_price": "1", "trail": {"bps": 1}}}},
    "stop loss with none": LIMIT | {"bracket": {"stop_loss": {}}},
    "no stop loss": LIMIT | {"bracket": {"take_profit": {"price": "52000.00"}}},
    "unknown trigger": STOP | {"trigger": "ask"},
    "group without an id": LIMIT | {"group": {"kind": "oco"}},
    "group with a parent": LIMIT | {"group": {"kind": "oco", "id": "g", "parent": "p"}},
    "armed by an id": LIMIT | {"group": {"kind": "oto", "id": "g"}},
    "sizing without an edge": LIMIT | {"qty": None, "sizing": {"nav_bps": 1}},
    "sizing of more than all": LIMIT | {"qty": None, "sizing": SIZING | {"nav_bps": 10_001}},
    "edge as a number": LIMIT | {"qty": None, "sizing": SIZING | {"edge_bps": 5}},
    "prediction without p": LIMIT | {"prediction": {"topic": "predictions"}},
    "post_only as text": LIMIT | {"post_only": "yes"},
    "protection of the whole price": MARKET | {"protection_bps": 10_000},
}  # fmt: skip


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_field_is_refused_by_the_parser(name: str) -> None:
    assert ready().order(**MALFORMED[name]).reason == "BAD_FIELD"


def test_expiry_must_lie_ahead_but_a_repeat_is_answered_after_it() -> None:
    drive = ready()
    fields = LIMIT | {"tif": "GTD"}
    now, ahead = time_text(START_NS), time_text(START_NS + 1)
    late = drive.order(**fields, expire_at=now, client_order_id="late")
    assert (late.reason, late.detail) == ("ALREADY_EXPIRED", "by 0 ms")
    assert drive.order(**fields, expire_at=ahead, client_order_id="c2").outcome == "accepted"
    created = time_text(START_NS)
    drive.clock += MINUTE_NS
    again = drive.order(**fields, expire_at=ahead, client_order_id="c2", created_at=created)
    assert again.outcome == "duplicate"
    assert drive.order(**fields, expire_at="soon", client_order_id="c3").reason == "BAD_TIME"


def test_trailing_bracket_needs_no_stop_price_but_its_target_lies_ahead() -> None:
    drive = ready()
    bracket = {"stop_loss": {"trail": {"ticks": 5}}, "take_profit": {"price": "49000.00"}}
    assert drive.order(**LIMIT, bracket=bracket).reason == "BRACKET_INVALID"


def test_order_ref_is_the_commands_own_position() -> None:
    drive = ready()
    drive.order(**LIMIT)
    second = drive.order(**LIMIT, client_order_id="c2").order_id
    assert drive.accepted[second].command_ref == Ref("orders", 0, 1)
    assert drive.accepted[second].symbol == BTC.symbol
