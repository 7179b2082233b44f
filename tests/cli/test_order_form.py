"""What is typed is what is sent: each option under its name in the contract; the type follows from the prices."""

from typing import Any

import pytest

from api import order_form
from api.order_form import OrderForm

CASES: list[tuple[OrderForm, dict[str, Any]]] = [
    (OrderForm(quantity="1"), {"type": "market", "qty": "1"}),
    (OrderForm(limit="5"), {"type": "limit", "price": "5"}),
    (OrderForm(stop="5"), {"type": "stop", "stop_price": "5"}),
    (OrderForm(stop="5", limit="6"), {"type": "stop_limit", "stop_price": "5", "price": "6"}),
    (OrderForm(trail="250"), {"type": "trailing_stop", "trail": {"ticks": 250}}),
    (OrderForm(trail="50bps"), {"type": "trailing_stop", "trail": {"bps": 50}}),
    (OrderForm(trail="near"), {"type": "trailing_stop", "trail": {"ticks": "near"}}),
    (OrderForm(limit="5", type="stop"), {"type": "stop", "price": "5"}),
    (
        OrderForm(expire="2026-11-24T10:00:00Z"),
        {"type": "market", "tif": "GTD", "expire_at": "2026-11-24T10:00:00Z"},
    ),
    (
        OrderForm(post_only=True, reduce_only=True, protection_bps=0),
        {"type": "market", "post_only": True, "reduce_only": True, "protection_bps": 0},
    ),
    (
        OrderForm(stop_loss="4", take_profit="6"),
        {
            "type": "market",
            "bracket": {"stop_loss": {"stop_price": "4"}, "take_profit": {"price": "6"}},
        },
    ),
    (
        OrderForm(stop_loss_trail="9"),
        {"type": "market", "bracket": {"stop_loss": {"trail": {"ticks": 9}}}},
    ),
    (OrderForm(oco="g"), {"type": "market", "group": {"id": "g", "kind": "oco"}}),
    (OrderForm(ouo="g"), {"type": "market", "group": {"id": "g", "kind": "ouo"}}),
    (OrderForm(after="p"), {"type": "market", "group": {"parent": "p", "kind": "oto"}}),
    (
        OrderForm(nav_bps=100, edge_bps="60", volatility="0.7", strategy="s"),
        {
            "type": "market",
            "sizing": {"nav_bps": 100, "edge_bps": "60", "vol": "0.7"},
            "strategy": "s",
        },
    ),
]


@pytest.mark.parametrize(("form", "expected"), CASES)
def test_new_order(form: OrderForm, expected: dict[str, Any]) -> None:
    assert order_form.new(form) == {"cmd": "new", "symbol": "", "side": ""} | expected


def test_cancel_and_replace_take_what_concerns_them() -> None:
    form = OrderForm(symbol="A.B", quantity="2", limit="5", trail="7")
    assert order_form.cancel("*", form) == {"cmd": "cancel", "target": "*", "symbol": "A.B"}
    assert order_form.replace("c1", form) == {
        "cmd": "replace", "target": "c1", "qty": "2", "price": "5", "trail": {"ticks": 7},
    }  # fmt: skip
