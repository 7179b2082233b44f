"""Every check of the gate: the code it gives, its place in the order, and whether it stands before an exit."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from streams import control, topics
from streams.messages import Decision
from streams.orders import time_text
from tables.account_tables import Unreadable
from tests.trading.drive import BTC, ETH, START_NS, Drive, ready, wide

LIMIT = {"qty": "0.010", "price": "50000.00"}
BRACKET = {"stop_loss": {"stop_price": "49000.00"}, "take_profit": {"price": "51000.00"}}
Change = Callable[[Drive], object]


def test_good_order_is_accepted_with_its_inputs() -> None:
    drive = ready()
    outputs = drive.outputs(**LIMIT, strategy="s")
    decision = outputs[0].message
    assert [(output.topic.name, output.key) for output in outputs] == [
        ("risk.decisions", "a"),
        ("orders.accepted", BTC.symbol),
    ]
    assert isinstance(decision, Decision)
    assert (decision.outcome, decision.kind, decision.order_id) == ("accepted", "new", "1-0-0")
    assert decision.marks == ((BTC.symbol, ("market.quotes", 0, 7), 10_000_000, 0),)
    assert (decision.control_offset, decision.limits_version) == (4, 3)
    order = drive.accepted["1-0-0"]
    assert (order.qty, order.price, order.tif, order.strategy) == (10, 5_000_000, "GTC", "s")
    assert (order.maker_rate, order.taker_rate, order.command_ref) == (1600, 2600, ("orders", 0, 0))


def test_bracket_reaches_the_broker_in_ticks() -> None:
    drive = ready()
    order = drive.accepted[drive.order(**LIMIT, bracket=BRACKET).order_id]
    assert (order.stop_loss, order.take_profit) == (4_900_000, 5_100_000)


class Case(NamedTuple):
    """fields: what differs from a good limit order; change: what differs in the cell."""

    reason: str
    fields: dict[str, Any]
    change: Change = lambda drive: None


def _limits(**changes: Any) -> Change:
    return lambda drive: drive.control(wide(**changes))


def _kill(scope: str) -> Change:
    return lambda drive: drive.control(control.Kill(scope=scope, action="kill", reason="r", seq=1))


def _status(status: str) -> Change:
    changed = BTC.model_copy(update={"status": status})
    return lambda drive: drive.control(control.InstrumentRecord(instrument=changed))


def _later(ms: int) -> Change:
    def change(drive: Drive) -> None:
        drive.clock += ms * 10**6

    return change


def _all(*changes: Change) -> Change:
    def change(drive: Drive) -> None:
        for one in changes:
            one(drive)

    return change


CASES = [
    Case("BAD_VERSION", {"v": 2}),
    Case("BAD_FIELD", {"qty": 1}),
    Case("BAD_FIELD", {"side": "long"}),
    Case("UNKNOWN_FIELD", {"hidden": True}),
    Case("UNKNOWN_TYPE", {"type": "iceberg"}),
    Case("UNKNOWN_TIF", {"tif": "DAY"}),
    Case("UNKNOWN_COMMAND", {"cmd": "amend"}),
    Case("BAD_TIME", {"created_at": "yesterday"}),
    Case("CREATED_IN_FUTURE", {"created_at": time_text(START_NS + 60 * 10**9 + 1)}),
    Case("UNKNOWN_SYMBOL", {"symbol": "btc/usd.kraken"}),
    Case("SYMBOL_CLOSED", {}, _status("delisted")),
    Case("SYMBOL_CLOSED", {}, _status("halted")),
    Case("SYMBOL_CLOSED", {}, _status("close_only")),
    Case("UNKNOWN_ACCOUNT", {"account": "b"}),
    Case("BAD_NUMBER", {"qty": "1e999999"}),
    Case("BAD_NUMBER", {"qty": "NaN"}),
    Case("BAD_NUMBER", {"price": "5 0000"}),
    Case("QTY_NOT_POSITIVE", {"qty": "0"}),
    Case("QTY_NOT_POSITIVE", {"qty": "-1"}),
    Case("QTY_OFF_LOT", {"qty": "0.0101"}),
    Case("QTY_RANGE", {"qty": "1000001"}),
    Case("PRICE_NOT_POSITIVE", {"price": "0"}),
    Case("PRICE_NOT_POSITIVE", {"price": "-5"}),
    Case("PRICE_OFF_TICK", {"price": "50000.001"}),
    Case("PRICE_OFF_TICK", {"bracket": {"stop_loss": {"stop_price": "49000.001"}}}),
    Case("PRICE_RANGE", {"price": "10000000000001"}),
    Case("NOTIONAL_OVERFLOW", {"qty": "1000000", "price": "1000000000"}),
    Case("PRICE_MISSING", {"price": None}),
    Case("PRICE_MISSING", {"type": "stop", "price": None}),
    Case("PRICE_NOT_ALLOWED", {"type": "market"}),
    Case("PRICE_NOT_ALLOWED", {"stop_price": "49000.00"}),
    Case("PRICE_NOT_ALLOWED", {"type": "stop", "stop_price": "51000.00"}),
    Case("BAD_COMBINATION", {"type": "stop", "price": None, "stop_price": "51000", "tif": "FOK"}),
    Case("BAD_COMBINATION", {"protection_bps": 5}),
    Case("BAD_COMBINATION", {"reduce_only": True, "bracket": BRACKET}),
    Case("BRACKET_INVALID", {"price": "49000.00", "bracket": BRACKET}),
    Case("BRACKET_INVALID", {"price": "51000.00", "bracket": BRACKET}),
    Case("BRACKET_INVALID", {"type": "market", "price": None, "bracket": BRACKET},
         lambda drive: drive.mark(BTC.symbol, 4_899_900, 4_900_100)),
    Case("BRACKET_INVALID", {"side": "sell", "bracket": BRACKET}),
    Case("STALE_COMMAND", {"created_at": time_text(START_NS - 7 * 86_400 * 10**9)}),
    Case("SIM_REFUSED", {}, lambda drive: drive.control(control.Account(account="a"))),
    Case("SIM_REFUSED", {},
         lambda drive: drive.control(control.Account(account="a", mode="production"))),
    Case("SIM_REFUSED", {}, lambda drive: drive.control(control.Account(account="a", mode="live"))),
    Case("NO_POSITION", {"reduce_only": True, "side": "sell"}),
    Case("KILLED", {}, _kill("global")),
    Case("KILLED", {}, _kill("account:a")),
    Case("KILLED", {}, _kill(f"symbol:{BTC.symbol}")),
    Case("KILLED", {"strategy": "s"}, _kill("strategy:s")),
    Case("ACCOUNT_DISABLED", {},
         lambda drive: drive.control(control.Account(account="a", mode="sim", enabled=False))),
    Case("NO_LIMITS", {}, lambda drive: drive.tables.limits.delete("a")),
    Case("NO_PRICE", {}, lambda drive: drive.tables.marks.delete(BTC.symbol)),
    Case("NO_PRICE", {}, lambda drive: drive.mark(BTC.symbol, 0, 0, status="one_sided")),
    Case("NO_PRICE", {"symbol": ETH.symbol, "price": "2000.00"},
         _all(lambda drive: _held(drive), lambda drive: drive.tables.marks.delete(BTC.symbol))),
    Case("CROSSED_BOOK", {}, lambda drive: drive.mark(BTC.symbol, 5_000_001, 5_000_000,
                                                      status="crossed")),
    Case("STALE_PRICE", {}, lambda drive: drive.mark(BTC.symbol, 1, 2, status="stale")),
    Case("STALE_PRICE", {}, _later(2001)),
    Case("NO_FX_RATE", {"account": "e"}, lambda drive: _euro(drive)),
    Case("OPEN_ORDERS", {}, _all(_limits(open_orders_max=1), lambda drive: _open(drive))),
    Case("OPEN_ORDERS", {},
         _all(_limits(symbol_open_orders_max=1), lambda drive: _open(drive))),
    Case("NOTIONAL_MIN", {"qty": "0.001", "price": "9999.99"}),
    Case("NOTIONAL_MAX", {}, _limits(order_notional_max="499.99")),
    Case("INSUFFICIENT_CASH", {"qty": "0.200"}),
    Case("INSUFFICIENT_POSITION", {"side": "sell"}),
    Case("GROSS_EXPOSURE", {}, _limits(gross_exposure_max="499.99")),
]  # fmt: skip


def test_command_from_the_future_is_told_how_far_ahead_it_is() -> None:
    ahead = ready().order(**LIMIT, created_at=time_text(START_NS + 61 * 10**9))
    assert (ahead.reason, ahead.detail) == ("CREATED_IN_FUTURE", "ahead_ms 61000 > 60000")
    unknown = ready().order(**LIMIT, type="iceberg")
    assert (unknown.reason, unknown.detail) == ("UNKNOWN_TYPE", "type iceberg is not served")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.reason)
def test_refusal(case: Case) -> None:
    drive = ready()
    case.change(drive)
    before = dict(drive.tables.orders.items())
    outputs = drive.outputs(**LIMIT | {"client_order_id": "case"} | case.fields)
    assert [output.topic for output in outputs] == [topics.DECISIONS]
    decision = outputs[0].message
    assert (decision.outcome, decision.reason) == ("rejected", case.reason)
    assert dict(drive.tables.orders.items()) == before


def test_a_price_just_fresh_enough_passes() -> None:
    drive = ready()
    drive.clock += 2000 * 10**6
    assert drive.order(**LIMIT).outcome == "accepted"


def test_the_largest_order_that_cash_can_pay_passes() -> None:
    drive = ready(cash="501.3")
    assert drive.order(**LIMIT).outcome == "accepted"
    assert (
        drive.order(**LIMIT | {"qty": "0.001"}, client_order_id="c2").reason == "INSUFFICIENT_CASH"
    )


def test_exposure_counts_open_orders_at_the_mark() -> None:
    drive = ready()
    _limits(gross_exposure_max="1000")(drive)
    assert drive.order(**LIMIT).outcome == "accepted"
    assert drive.order(**LIMIT, client_order_id="c2").outcome == "accepted"
    refused = drive.order(**LIMIT | {"qty": "0.001"}, client_order_id="c3")
    assert (refused.reason, refused.detail) == ("GROSS_EXPOSURE", "1050 > 1000 with open orders")


@pytest.mark.parametrize(
    ("orders", "gross"),
    [
        ({"buy": 10}, 500),
        ({"sell": 10}, 500),
        ({"buy": 10, "sell": 20}, 1000),
        ({"sell": 20, "buy": 30}, 1500),
    ],
)
def test_exposure_is_the_worst_that_open_orders_can_make_of_it(
    orders: dict[str, int], gross: int
) -> None:
    drive = ready(type="margin")
    for side, lots in orders.items():
        drive.order(side=side, qty=BTC.qty_text(lots), price="50000.00", client_order_id=side)
    _limits(gross_exposure_max=str(gross + 49))(drive)
    side, more = list(orders)[-1], LIMIT | {"qty": "0.001", "client_order_id": "more"}
    assert drive.order(side=side, **more).reason == "GROSS_EXPOSURE"
    _limits(gross_exposure_max=str(gross + 50))(drive)
    assert drive.order(side=side, **more | {"client_order_id": "same"}).outcome == "accepted"


ENTRY_ONLY: dict[str, Change] = {
    "SYMBOL_CLOSED": _status("halted"),
    "KILLED": _kill("global"),
    "CONTROL_INVALID": lambda drive: drive.tables.unreadable.put(
        "", Unreadable("global", 0, "not JSON")),
    "ACCOUNT_DISABLED": lambda drive: drive.control(
        control.Account(account="a", mode="sim", enabled=False)),
    "NO_LIMITS": lambda drive: drive.tables.limits.delete("a"),
    "NO_PRICE": lambda drive: drive.tables.marks.delete(BTC.symbol),
    "STALE_PRICE": _later(10_000),
    "CROSSED_BOOK": lambda drive: drive.mark(BTC.symbol, 5_000_001, 5_000_000, status="crossed"),
    "SPREAD": lambda drive: drive.mark(BTC.symbol, 4_980_000, 5_020_000),
    "OPEN_ORDERS": _all(lambda drive: _open(drive), _limits(open_orders_max=1)),
    "NOTIONAL_MAX": _limits(order_notional_max="0"),
    "NO_STOP": _limits(bracket_required=True),
    "INSUFFICIENT_CASH": lambda drive: drive.control(
        control.Cash(account="a", id="out", currency="USD", amount="-9498.7")),
    "GROSS_EXPOSURE": _limits(gross_exposure_max="0"),
    "CONCENTRATION": _limits(symbol_bps=0),
    "CVAR": _limits(cvar_bps=0),
    "WATCHDOG_VETO": lambda drive: drive.control(
        control.Account(account="a", mode="sim", watchdog="rules")),
}  # fmt: skip
"""Checks that stand before entries alone, and what makes each of them fail."""

ALWAYS: dict[str, tuple[Change, dict[str, Any]]] = {
    "UNKNOWN_FIELD": (lambda drive: None, {"x": 1}),
    "SYMBOL_CLOSED": (_status("delisted"), {}),
    "UNKNOWN_ACCOUNT": (lambda drive: drive.tables.profiles.delete("a"), {}),
    "QTY_OFF_LOT": (lambda drive: None, {"qty": "0.0101"}),
    "BAD_COMBINATION": (lambda drive: None, {"protection_bps": 5}),
    "STALE_COMMAND": (lambda drive: None, {"created_at": time_text(START_NS - 7 * 86_400 * 10**9)}),
    "SIM_REFUSED": (lambda drive: drive.control(control.Account(account="a", mode="live")), {}),
}
"""Checks that stand before everything."""

EXITS: list[dict[str, Any]] = [{}, {"reduce_only": True}, {"type": "market", "price": None}]


@pytest.mark.parametrize("reason", ENTRY_ONLY)
@pytest.mark.parametrize("fields", EXITS)
def test_exits_pass_the_checks_meant_for_entries(reason: str, fields: dict[str, Any]) -> None:
    drive = ready()
    _held(drive)
    ENTRY_ONLY[reason](drive)
    price = "50500.00" if reason == "WATCHDOG_VETO" else "50000.00"
    entry = drive.order(**LIMIT | {"price": price}, client_order_id="entry")
    assert (entry.outcome, entry.reason) == ("rejected", reason)
    sell = {"side": "sell", "client_order_id": "exit"}
    assert drive.order(**LIMIT | sell | fields).outcome == "accepted"


@pytest.mark.parametrize("reason", ALWAYS)
@pytest.mark.parametrize("side", ["buy", "sell"])
def test_exits_do_not_pass_the_checks_that_concern_every_order(reason: str, side: str) -> None:
    drive = ready()
    _held(drive)
    change, fields = ALWAYS[reason]
    change(drive)
    refused = drive.order(**LIMIT | {"side": side, "client_order_id": "x"} | fields)
    assert (refused.outcome, refused.reason) == ("rejected", reason)


def test_delisted_symbol_refuses_exits_too() -> None:
    drive = ready()
    _held(drive)
    _status("delisted")(drive)
    assert drive.order(**LIMIT, side="sell", client_order_id="x").reason == "SYMBOL_CLOSED"


def test_account_outside_simulation_refuses_exits_too() -> None:
    drive = ready()
    _held(drive)
    drive.control(control.Account(account="a", mode="production"))
    assert drive.order(**LIMIT, side="sell", client_order_id="x").reason == "SIM_REFUSED"


def test_exit_of_the_whole_position_may_be_below_the_least_quantity() -> None:
    drive = ready()
    _held(drive)
    changed = BTC.model_copy(update={"min_qty": 11})
    drive.control(control.InstrumentRecord(instrument=changed))
    part = drive.order(**LIMIT | {"qty": "0.009"}, side="sell", client_order_id="part")
    whole = drive.order(**LIMIT, side="sell", client_order_id="whole")
    assert (part.reason, whole.outcome) == ("QTY_RANGE", "accepted")


def test_order_larger_than_the_position_is_an_entry_as_a_whole() -> None:
    drive = ready(type="margin")
    _held(drive)
    _kill("global")(drive)
    refused = drive.order(**LIMIT | {"qty": "0.011"}, side="sell", client_order_id="flip")
    assert refused.reason == "KILLED"
    assert refused.detail == "global seq 1; reducible_qty 0.01"


def test_order_with_a_bracket_is_an_entry_even_against_a_position() -> None:
    drive = ready(type="margin")
    _held(drive)
    _kill("global")(drive)
    bracket = {"stop_loss": {"stop_price": "51000.00"}}
    sell = {"side": "sell", "client_order_id": "x"}
    assert drive.order(**LIMIT | sell, bracket=bracket).reason == "KILLED"


def test_command_created_a_minute_ahead_of_the_clock_just_passes() -> None:
    drive = ready()
    assert drive.order(**LIMIT, created_at=time_text(START_NS + 60 * 10**9)).outcome == "accepted"


def test_open_exits_use_up_what_can_be_reduced() -> None:
    drive = ready(type="margin")
    _held(drive)
    _kill("global")(drive)
    sell = {"side": "sell", "price": "50000.00"}
    assert drive.order(**sell, qty="0.006", client_order_id="x1").outcome == "accepted"
    assert drive.order(**sell, qty="0.005", client_order_id="x2").reason == "KILLED"
    assert drive.order(**sell, qty="0.004", client_order_id="x3").outcome == "accepted"


def test_first_failing_check_decides() -> None:
    drive = ready()
    _kill("global")(drive)
    drive.tables.marks.delete(BTC.symbol)
    wrong = {"qty": "0.0101", "price": None, "symbol": "X.Y", "client_order_id": "w1"}
    assert drive.order(**LIMIT | wrong).reason == "UNKNOWN_SYMBOL"
    del wrong["symbol"]
    assert drive.order(**LIMIT | wrong | {"client_order_id": "w2"}).reason == "QTY_OFF_LOT"
    del wrong["qty"]
    assert drive.order(**LIMIT | wrong | {"client_order_id": "w3"}).reason == "PRICE_MISSING"
    assert drive.order(**LIMIT | {"client_order_id": "w4"}).reason == "KILLED"


def _held(drive: Drive) -> None:
    """A position of 0.010."""
    entry = drive.order(**LIMIT, client_order_id="held")
    drive.fill(entry.order_id, 10, 5_000_000)


def _open(drive: Drive) -> None:
    drive.order(**LIMIT, client_order_id="open")


def _euro(drive: Drive) -> None:
    drive.control(control.Account(account="e", base_currency="EUR", mode="sim"))
    drive.control(wide("e"))
