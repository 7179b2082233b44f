"""Each check of an entry from the latches to VaR: the code it gives, and that nothing of it stands before an exit."""

from typing import Any, NamedTuple

import pytest

from streams import control
from tables import entry_checks
from tables.bars import Bars
from tables.pace import Pace
from tests.limits.market import (
    BTC_USDT,
    DAY,
    ENTRY,
    MINUTE,
    SECOND,
    USDT,
    Change,
    every,
    held,
    instrument,
    later,
    limits,
    mark,
)
from tests.trading.drive import BTC, ETH, START_NS, Drive, wide

OTHER_USDT = USDT.model_copy(update={"symbol": "USDT/USD.ZAIF"})
BRACKET = {"stop_loss": {"stop_price": "49000.00"}}


class Case(NamedTuple):
    """What happens to the cell, how the entry differs from a good one, and the detail of its rejection."""

    reason: str
    change: Change
    detail: str = ""
    fields: dict[str, Any] = {}
    ready: dict[str, Any] = {}


def _to_midnight(drive: Drive) -> None:
    """To ten minutes before the UTC day ends, and a bad end it is."""
    later(DAY - START_NS % DAY - 10 * MINUTE)(drive)
    every(limits(loss_max="1"), mark(4_980_000), later(11 * MINUTE))(drive)


def _leveraged(drive: Drive) -> None:
    drive.control(wide())
    instrument(initial_margin="0.1")(drive)
    more = drive.order(qty="0.990", price="50000.00", client_order_id="more")
    drive.fill(more.order_id, 990, 5_000_000)
    mark(4_200_000)(drive)


def _trade_usdt(drive: Drive) -> None:
    """The account may trade against USDT."""
    for each in (USDT, BTC_USDT):
        drive.control(control.InstrumentRecord(instrument=each))
    drive.control(control.Cash(account="a", id="usdt", currency="USDT", amount="1000"))
    drive.mark(BTC_USDT.symbol, 4_999_900, 5_000_100)


def _hold_usdt(drive: Drive) -> None:
    """Money in USDT, whose price is known now."""
    drive.control(control.InstrumentRecord(instrument=USDT.model_copy(update={"peg": None})))
    drive.control(control.Cash(account="a", id="usdt", currency="USDT", amount="1000"))
    mark(10_000, USDT.symbol)(drive)


def _list_usdt_elsewhere(drive: Drive) -> None:
    """Another symbol claims to show the same peg; the first by name does."""
    drive.control(control.InstrumentRecord(instrument=OTHER_USDT))


def _busy(drive: Drive) -> None:
    first = ENTRY | {"client_order_id": "first", "qty": "0.001"}
    drive.order(**first, bracket=BRACKET, strategy="s")


def _refused_often(drive: Drive) -> None:
    for number in range(20):
        order = drive.order(**ENTRY | {"qty": "0.001"}, client_order_id=f"r{number}")
        drive.ended(order.order_id, "REJECTED" if number % 4 == 0 else "CANCELLED", 0)


def _bars(*wave: int, symbol: str = BTC.symbol, count: int = 100) -> Change:
    """A history of so many hours; returns in 10**-9, repeated."""
    hours = tuple(range(count))
    returns = tuple(wave[hour % len(wave)] for hour in hours)
    return lambda drive: drive.tables.guards.bars.put(symbol, Bars(count, 1, hours, returns))


LOSING = limits(loss_max="1")
CASES = [
    Case("LATCHED_LOSS", every(LOSING, mark(4_980_000))),
    Case("LATCHED_DRAWDOWN", every(limits(drawdown_bps=2), mark(4_980_000))),
    Case("LATCHED_FEES", every(limits(fees_max="1.3"), mark(5_000_000))),
    Case("LATCHED_MARGIN", _leveraged, ready={"type": "margin", "taker_rate": 0, "maker_rate": 0}),
    Case("COOLDOWN", _to_midnight),
    Case("NO_PRICE", lambda drive: drive.tables.marks.delete(BTC.symbol), "no mark of a tick or more"),
    Case("NO_PRICE", every(lambda drive: drive.tables.marks.delete(BTC.symbol)),
         f"no mark of {BTC.symbol}", {"symbol": ETH.symbol, "price": "2000.00"}),
    Case("STALE_PRICE", mark(5_000_000, status="stale"), "the venue is silent"),
    Case("STALE_PRICE", lambda drive: setattr(drive, "clock", drive.clock + 2_001 * 10**6),
         "age_ms 2001 > 2000"),
    Case("STALE_PRICE", every(limits(stale_ms=1_000),
                              lambda drive: setattr(drive, "clock", drive.clock + 1_001 * 10**6)),
         "age_ms 1001 > 1000"),
    Case("CROSSED_BOOK", mark(5_000_000, status="crossed"), "bid above ask"),
    Case("BREAKER_OPEN", mark(5_000_000, breaker="jump"), "jump"),
    Case("BREAKER_OPEN", _refused_often, "the broker refused too often, until "),
    Case("SPREAD", lambda drive: drive.mark(BTC.symbol, 4_990_000, 5_002_600), "bps 25 > 25",
         {"price": "49900.00"}),
    Case("SPREAD", every(limits(spread_bps=15),
                         lambda drive: drive.mark(BTC.symbol, 4_990_000, 4_998_000)), "bps 16 > 15"),
    Case("SPREAD", every(instrument(max_spread_bps=15),
                         lambda drive: drive.mark(BTC.symbol, 4_990_000, 4_998_000)), "bps 16 > 15"),
    Case("SPREAD", lambda drive: drive.mark(BTC.symbol, 4_990_000, 0, mid2=9_980_000),
         "one side of the book is empty"),
    Case("PRICE_BAND", mark(5_000_000), "price bps from the mark 500 > 500", {"price": "52500.01"}),
    Case("PRICE_BAND", mark(5_000_000), "stop_price bps from the mark 600 > 500",
         {"price": None, "type": "stop", "stop_price": "53000.00"}),
    Case("PRICE_BAND", instrument(band_bps=10), "price bps from the mark 11 > 10",
         {"price": "50055.00"}),
    Case("DEPEG", _trade_usdt, "USDT: USDT/USD.KRAKEN: no price",
         {"symbol": BTC_USDT.symbol}),
    Case("DEPEG", every(_trade_usdt, mark(9_925, USDT.symbol)), "USDT: USDT/USD.KRAKEN: off its peg",
         {"symbol": BTC_USDT.symbol}),
    Case("DEPEG", every(_trade_usdt, _list_usdt_elsewhere, mark(9_925, USDT.symbol), mark(10_000, OTHER_USDT.symbol)),
         "USDT: USDT/USD.KRAKEN: off its peg", {"symbol": BTC_USDT.symbol}),
    Case("NO_FX_RATE", every(_hold_usdt, later(3 * SECOND)), "USDT to the base currency"),
    Case("NO_FX_RATE", every(_trade_usdt, instrument(), lambda drive: drive.control(
        control.InstrumentRecord(instrument=USDT.model_copy(update={"peg": None})))),
        "BTC/USDT.KRAKEN to the base currency", {"symbol": BTC_USDT.symbol}),
    Case("RATE_LIMIT", every(limits(rate_per_s=1, rate_burst=1), lambda drive: drive.order(
        **ENTRY | {"qty": "0.001", "client_order_id": "first"})), "1 a second, 1 at once"),
    Case("OPEN_ORDERS", every(limits(open_orders_max=1), lambda drive: drive.order(
        **ENTRY, client_order_id="first")), "1 open, at most 1"),
    Case("OPEN_ORDERS", every(limits(symbol_open_orders_max=1), lambda drive: drive.order(
        **ENTRY, client_order_id="first")), "1 open of the symbol, at most 1"),
    Case("STRATEGY_BUSY", _busy, "1-0-1/sl is open", {"strategy": "s", "bracket": BRACKET}),
    Case("NOTIONAL_MIN", limits(), "9.99999 < 10", {"qty": "0.001", "price": "9999.99"}),
    Case("NOTIONAL_MAX", limits(order_notional_max="499.99"), "500 > 499.99"),
    Case("NOTIONAL_MAX", limits(order_notional_bps=499), "500 > 498.93513"),
    Case("NOTIONAL_MAX", limits(symbols={BTC.symbol: control.SymbolLimits(order_notional_max="1")}),
         "500 > 1"),
    Case("NOTIONAL_MAX", instrument(max_notional="499"), "500 > 499"),
    Case("BRACKET_LOSS", limits(bracket_loss_bps=10), "12.574 > 9.9987",
         {"bracket": BRACKET}),
    Case("BRACKET_LOSS", limits(bracket_loss_bps=10), "12.574 > 9.9987", {
        "bracket": {"stop_loss": {"trail": {"bps": 200}}}}),
    Case("BRACKET_LOSS", limits(bracket_loss_bps=0), "2.69974 > 0", {
        "bracket": {"stop_loss": {"trail": {"ticks": 1000}}}}),
    Case("BRACKET_LOSS", limits(bracket_loss_bps=10), "17.587 > 9.9987", {
        "type": "market", "price": None, "bracket": BRACKET}),
    Case("BRACKET_LOSS", limits(bracket_loss_bps=10), "17.587 > 9.9987", {
        "type": "stop", "price": None, "stop_price": "50000.00", "bracket": BRACKET}),
    Case("BRACKET_LOSS", limits(bracket_loss_bps=10), "15.205948 > 9.9987", {
        "side": "sell", "qty": "0.020", "bracket": {"stop_loss": {"stop_price": "50499.00"}}}, {"type": "margin"}),
    Case("NO_STOP", limits(bracket_required=True), "a bracket is required"),
    Case("INSUFFICIENT_CASH", limits(), fields={"qty": "0.200"}),
    Case("INSUFFICIENT_POSITION", limits(), "lots 11 > 10", {"side": "sell", "qty": "0.011"}),
    Case("INSUFFICIENT_MARGIN", limits(), fields={"qty": "0.200"}, ready={"type": "margin"}),
    Case("POSITION_LIMIT", limits(symbols={BTC.symbol: control.SymbolLimits(position_max="0.019")}),
         "0.02 > 0.019"),
    Case("GROSS_EXPOSURE", limits(gross_exposure_max="999"), "1000 > 999 with open orders"),
    Case("GROSS_EXPOSURE", limits(gross_bps=1_000), "1000 > 999.87 with open orders"),
    Case("CONCENTRATION", limits(symbol_bps=1_000), "1000 > 999.87"),
    Case("CLUSTER", limits(cluster_bps=1_000), "2: 1000 > 999.87", {
        "symbol": ETH.symbol, "qty": "0.250", "price": "2000.00"}),
    Case("CVAR", limits(cvar_bps=199), "95: 200 > 198.97413"),
    Case("CVAR", every(limits(cvar_bps=100), _bars(0, 0, -101_000_000)), "95: 101 > 99.987"),
    Case("VAR", every(limits(var95_max="50"), _bars(0, 0, -51_000_000)), "95: 51 > 50"),
    Case("VAR", every(limits(var99_max="50"), _bars(*[0] * 50, -51_000_000)), "99: 51 > 50"),
]  # fmt: skip

IDS = [f"{case.reason}-{number}" for number, case in enumerate(CASES)]


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_entry_is_refused_with_its_reason(case: Case) -> None:
    drive = held(**case.ready)
    case.change(drive)
    decision = drive.order(**ENTRY | case.fields, client_order_id="entry")
    assert (decision.outcome, decision.reason) == ("rejected", case.reason), decision.detail
    assert decision.detail.startswith(case.detail)


@pytest.mark.parametrize("form", [{}, {"reduce_only": True}, {"type": "market", "price": None}])
@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_exit_passes_the_same_check(case: Case, form: dict[str, Any]) -> None:
    drive = held(**case.ready)
    case.change(drive)
    exit = {"side": "sell", "qty": "0.010", "price": "50000.00"} | form
    assert drive.order(**exit, client_order_id="exit").outcome == "accepted"


def test_every_code_of_the_checks_is_reached() -> None:
    codes = {
        "LATCHED_LOSS", "LATCHED_DRAWDOWN", "LATCHED_FEES", "LATCHED_MARGIN", "COOLDOWN", "NO_PRICE",
        "STALE_PRICE", "CROSSED_BOOK", "BREAKER_OPEN", "SPREAD", "PRICE_BAND", "DEPEG", "NO_FX_RATE",
        "RATE_LIMIT", "OPEN_ORDERS", "STRATEGY_BUSY", "NOTIONAL_MIN", "NOTIONAL_MAX", "BRACKET_LOSS",
        "NO_STOP", "INSUFFICIENT_CASH", "INSUFFICIENT_MARGIN", "INSUFFICIENT_POSITION",
        "POSITION_LIMIT", "GROSS_EXPOSURE", "CONCENTRATION", "CLUSTER", "CVAR", "VAR",
    }  # fmt: skip
    assert {case.reason for case in CASES} == codes
    assert len(entry_checks.PRICED) + len(entry_checks.SIZED) == 16


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        (limits(order_notional_max="500"), {}),
        (limits(symbol_bps=1_001, gross_bps=1_001), {}),
        (limits(cvar_bps=201), {}),
        (limits(var95_max="200", var99_max="200"), {}),
        (mark(5_000_000), {"price": "52500.00"}),
        (mark(5_000_000), {"price": "40000.00"}),
        (lambda drive: drive.mark(BTC.symbol, 4_993_750, 5_006_234), {}),
        (limits(symbols={BTC.symbol: control.SymbolLimits(position_max="0.02")}), {}),
        (limits(bracket_required=True), {"bracket": BRACKET}),
        (_busy, {"strategy": "s"}),
        (every(_bars(0, -51_000_000), limits(var95_max="51", var99_max="51")), {}),
        (limits(rate_per_s=1, rate_burst=1), {}),
    ],
)
def test_entry_at_the_limit_passes(change: Change, fields: dict[str, Any]) -> None:
    drive = held()
    change(drive)
    decision = drive.order(**ENTRY | fields, client_order_id="entry")
    assert decision.outcome == "accepted", f"{decision.reason} {decision.detail}"


def test_hedge_passes_though_its_parts_would_lose_too_much() -> None:
    drive = held(type="margin", taker_rate=0, maker_rate=0)
    for symbol in (BTC.symbol, ETH.symbol):
        _bars(0, -100_000_000, 100_000_000, symbol=symbol)(drive)
    limits(cvar_bps=51)(drive)
    short = {"symbol": ETH.symbol, "side": "sell", "price": "2000.00"}
    assert drive.order(**short, qty="0.250", client_order_id="hedge").outcome == "accepted"
    more = drive.order(**ENTRY | {"qty": "0.020"}, client_order_id="more")
    assert (more.reason, more.detail) == ("CVAR", "95: 100 > 51")


def test_bracket_may_lose_exactly_its_share_where_no_fee_is_due() -> None:
    drive = held(maker_rate=0, taker_rate=0)
    limits(bracket_loss_bps=10)(drive)
    entry = ENTRY | {"bracket": BRACKET}
    assert drive.order(**entry, client_order_id="entry").outcome == "accepted"
    limits(bracket_loss_bps=9)(drive)
    refused = drive.order(**entry, client_order_id="more")
    assert refused.detail == "10 > 9"


def test_largest_order_of_the_instrument_is_held_to_the_account_s_limits_too() -> None:
    drive = held()
    every(instrument(max_notional="500"), limits(order_notional_max="100"))(drive)
    assert drive.order(**ENTRY, client_order_id="entry").reason == "NOTIONAL_MAX"


def test_strategy_may_open_again_when_its_bracket_has_ended() -> None:
    drive = held()
    bracket = ENTRY | {"qty": "0.001", "bracket": BRACKET, "strategy": "s"}
    first = drive.order(**bracket, client_order_id="b1")
    drive.fill(first.order_id, 1, 5_000_000)
    drive.ended(first.order_id, "FILLED", 1)
    stop = f"{first.order_id}/sl"
    drive.event(stop, "ARMED", "UNTRIGGERED", 0, parent=first.order_id)
    assert drive.order(**bracket, client_order_id="b2").reason == "STRATEGY_BUSY"
    assert drive.order(**bracket | {"strategy": "t"}, client_order_id="b3").outcome == "accepted"
    drive.event(stop, "FILLED", "FILLED", 1, parent=first.order_id)
    assert drive.order(**bracket, client_order_id="b4").outcome == "accepted"


def test_symbols_that_part_ways_are_no_cluster() -> None:
    drive = held()
    every(limits(cluster_bps=600), _bars(1, -1), _bars(-1, 1, symbol=ETH.symbol))(drive)
    ether = {"symbol": ETH.symbol, "qty": "0.250", "price": "2000.00"}
    assert drive.order(**ether, client_order_id="apart").outcome == "accepted"
    _bars(2, -2, symbol=ETH.symbol)(drive)
    assert drive.order(**ether, client_order_id="joined").reason == "CLUSTER"


def test_bucket_fills_in_event_time() -> None:
    drive = held()
    every(limits(rate_per_s=2, rate_burst=1), mark(5_000_000))(drive)
    small = ENTRY | {"qty": "0.001"}
    assert drive.order(**small, client_order_id="r1").outcome == "accepted"
    assert drive.order(**small, client_order_id="r2").reason == "RATE_LIMIT"
    drive.clock += SECOND // 2
    assert drive.order(**small, client_order_id="r3").outcome == "accepted"


def test_pace_of_unknown_accounts_is_not_kept() -> None:
    drive = held()
    drive.order(**ENTRY, account="b", client_order_id="c1")
    assert [key for key, _ in drive.tables.guards.paces.items()] == ["a"]
    assert isinstance(drive.tables.guards.paces["a"], Pace)
