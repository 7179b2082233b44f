"""Orders sized by risk: the worked example, what bounds a size, and when it is nothing."""

from typing import Any

import pytest

from streams import control, money
from streams.money import UNIT
from tables import sizing
from tests.trading.drive import BTC, ready, wide

SIZING: dict[str, Any] = {"nav_bps": 10_000, "vol": "0.70", "edge_bps": "100"}
EXAMPLE = sizing.Account(1_000_000 * UNIT, 400_000 * UNIT, 10**9 * UNIT)
VOL = 7 * UNIT // 10


def test_worked_example() -> None:
    units = sizing.notional(EXAMPLE, 10_000, VOL)
    assert units == 50_000 * UNIT
    assert sizing.lots(units, BTC.notional(5_000_000, 1), 10 * UNIT) == 1_000
    assert BTC.qty_text(1_000) == "1"


@pytest.mark.parametrize(
    ("account", "nav_bps", "vol", "thousandths"),
    [
        (EXAMPLE, 10_000, 35 * UNIT // 100, 100_000_000),
        (EXAMPLE, 10_000, UNIT // 100, 100_000_000),
        (EXAMPLE, 10_000, 0, 100_000_000),
        (EXAMPLE, 10_000, 7 * UNIT, 5_000_000),
        (EXAMPLE, 10_000, None, 35_000_000),
        (EXAMPLE, 500, VOL, 25_000_000),
        (EXAMPLE._replace(available=100_000 * UNIT), 10_000, VOL, 25_000_000),
        (EXAMPLE._replace(order_max=1_000 * UNIT), 10_000, VOL, 500_000),
        (EXAMPLE._replace(available=-UNIT), 10_000, VOL, 0),
        (EXAMPLE._replace(nav=-UNIT), 10_000, None, 0),
    ],
)
def test_least_of_the_bounds_times_calm(
    account: sizing.Account, nav_bps: int, vol: int | None, thousandths: int
) -> None:
    assert sizing.notional(account, nav_bps, vol) == thousandths * UNIT // 1_000


def test_edge_must_exceed_fees_slippage_and_a_margin() -> None:
    assert sizing.costs(2600) == 54 * UNIT
    assert not sizing.pays(59 * UNIT, 2600)
    assert sizing.pays(59 * UNIT + 1, 2600)


def test_order_is_sized_by_risk_and_its_decision_says_how_much() -> None:
    drive = ready(cash="1000000")
    decision = drive.order(qty=None, type="limit", price="50000.00", sizing=SIZING)
    assert (decision.outcome, decision.resolved_qty) == ("accepted", "1")
    assert drive.accepted[decision.order_id].qty == 1_000
    assert drive.tables.orders[decision.order_id].qty == 1_000
    assert decision.reserved == money.text(50_130 * UNIT)


def test_market_order_is_sized_at_the_mark() -> None:
    drive = ready(cash="1000000")
    decision = drive.order(qty=None, type="market", sizing=SIZING | {"nav_bps": 100})
    assert decision.resolved_qty == "0.1"


@pytest.mark.parametrize(
    ("reason", "detail", "changes"),
    [
        ("NOTIONAL_MIN", "sized to 0: edge_bps 59 does not pay", {"edge_bps": "59"}),
        ("NOTIONAL_MIN", "sized to 0: edge_bps -5 does not pay", {"edge_bps": "-5"}),
        ("NOTIONAL_MIN", "sized to 0: 5", {"nav_bps": 10}),
    ],
)
def test_nothing_is_left_to_trade(reason: str, detail: str, changes: dict[str, Any]) -> None:
    decision = ready().order(qty=None, price="50000.00", sizing=SIZING | changes)
    assert (decision.reason, decision.detail) == (reason, detail)


def test_size_is_bounded_by_the_limits_and_checked_by_what_follows() -> None:
    drive = ready(cash="1000000")
    drive.control(wide(order_notional_max="10000"))
    first = drive.order(qty=None, price="50000.00", sizing=SIZING)
    assert first.resolved_qty == "0.1"
    drive.control(wide(gross_exposure_max="9000"))
    second = drive.order(qty=None, price="50000.00", sizing=SIZING, client_order_id="c2")
    assert second.reason == "GROSS_EXPOSURE"


def test_sized_order_without_a_price_is_not_guessed() -> None:
    drive = ready()
    drive.tables.marks.delete(BTC.symbol)
    assert drive.order(qty=None, price="50000.00", sizing=SIZING).reason == "NO_PRICE"


def test_review_keeps_the_size_that_was_resolved() -> None:
    drive = ready(cash="1000000", watchdog="review")
    order_id = drive.order(qty=None, price="50000.00", sizing=SIZING).order_id
    drive.control(control.Cash(account="a", id="more", currency="USD", amount="1000000"))
    verdict = control.Review(order_id=order_id, verdict="approve", reviewer="ann")
    assert drive.control(verdict)[1].message.order.qty == 1_000
