"""The watchdog by rules: each score, the threshold, and that exits are not its business."""

from typing import Any

import pytest

from streams.orders import time_text
from tests.trading.drive import BTC, START_NS, ready

LIMIT: dict[str, Any] = {"qty": "0.010", "price": "50000.00"}
GOOD = {
    "topic": "predictions", "partition": 0, "offset": 1, "model": "m", "version": "1", "p": "0.7", "edge_bps": "60",
}  # fmt: skip


@pytest.mark.parametrize(
    ("watchdog", "fields"),
    [
        ("rules 0: nothing", {}),
        ("rules 0: nothing", {"prediction": GOOD}),
        ("rules 0: nothing", {"prediction": GOOD | {"p": "0.425"}}),
        ("rules 0: nothing", {"prediction": GOOD | {"edge_bps": "54"}}),
        ("rules 0: nothing", {"price": "50026.00"}),
    ],
)
def test_entry_passes(watchdog: str, fields: dict[str, Any]) -> None:
    decision = ready(watchdog="rules").order(**LIMIT | fields)
    assert (decision.outcome, decision.watchdog) == ("accepted", watchdog)


@pytest.mark.parametrize(
    ("detail", "fields"),
    [
        ("rules 750: edge_bps 53.999 does not pay the costs",
         {"prediction": GOOD | {"edge_bps": "53.999"}}),
        ("rules 750: edge_bps -60 does not pay the costs", {"prediction": GOOD | {"edge_bps": "-60"}}),
        ("rules 750: p 0.574 says little", {"prediction": GOOD | {"p": "0.574"}}),
        ("rules 750: p 0.5 says little", {"prediction": GOOD | {"p": "0.5"}}),
        ("rules 805: 5 bps through the book", {"price": "50026.01"}),
        ("rules 1000: 399 bps through the book", {"price": "52000.00"}),
        ("rules 1000: sent 2000 ms ago",
         {"prediction": GOOD, "created_at": time_text(START_NS - 2 * 10**9 - 1)}),
    ],
)  # fmt: skip
def test_entry_is_vetoed(detail: str, fields: dict[str, Any]) -> None:
    decision = ready(watchdog="rules").order(**LIMIT | fields)
    assert (decision.reason, decision.detail) == ("WATCHDOG_VETO", detail)


def test_wide_book_allows_more() -> None:
    drive = ready(watchdog="rules")
    drive.mark(BTC.symbol, 4_995_000, 5_005_000)
    price = 5_005_000 + 15_000
    assert drive.order(**LIMIT | {"price": BTC.price_text(price)}).outcome == "accepted"
    over = drive.order(**LIMIT | {"price": BTC.price_text(price + 1)}, client_order_id="c2")
    assert over.reason == "WATCHDOG_VETO"


@pytest.mark.parametrize("watchdog", ["rules", "off"])
def test_sell_through_the_bid_counts_the_same_and_off_is_off(watchdog: str) -> None:
    drive = ready(watchdog=watchdog, type="margin")
    decision = drive.order(**LIMIT | {"price": "49000.00"}, side="sell")
    assert (decision.reason == "WATCHDOG_VETO") == (watchdog == "rules")


def test_exit_is_nobodys_business() -> None:
    drive = ready(watchdog="rules")
    drive.fill(drive.order(**LIMIT).order_id, 10, 5_000_000)
    exit = {
        "side": "sell",
        "price": "49000.00",
        "client_order_id": "x",
        "prediction": GOOD | {"p": "0.5"},
    }
    assert drive.order(**LIMIT | exit).outcome == "accepted"
