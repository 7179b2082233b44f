"""The page's brackets in money: risk, broker and ledger together."""

import pytest

from streams import control, money
from tests.trading.floor import Floor

ENTRY = {
    "type": "market", "qty": "10",
    "bracket": {"stop_loss": {"stop_price": "49900.0"}, "take_profit": {"price": "50100.0"}},
}  # fmt: skip


@pytest.mark.parametrize(
    ("quotes", "net"),
    [
        ([("50100.0", "50100.1", {})], "298.7988"),
        ([("50150.0", "50150.1", {})], "298.7988"),
        ([("49900.0", "49900.1", {})], "-2199.8012"),
        ([("49850.0", "49850.1", {})], "-2699.2012"),
        ([("50100.0", "50100.1", {"bid_size": "4"}), ("49900.0", "49900.1", {})], "-1200.3612"),
        ([("49900.0", "49900.1", {"bid_size": "3"})], "-2200.99976"),
    ],
)
def test_bracket_in_money(quotes: list[tuple[str, str, dict[str, str]]], net: str) -> None:
    floor = Floor()
    floor.quote("50000.0", "50000.1")
    decision = floor.send(**ENTRY)[0].message
    assert decision.outcome == "accepted"
    for bid, ask, sizes in [("50000.0", "50000.1", {}), *quotes]:
        floor.quote(bid, ask, **sizes)
        floor.deliver()
    assert floor.net == net
    balance = floor.drive.tables.balances["a|USD"]
    assert balance.cash == money.parse("1000000") + money.parse(net)
    assert (balance.reserved, balance.cost) == (0, 0)


def test_gap_through_the_stop_is_paid_to_house_and_fees() -> None:
    floor = Floor()
    floor.quote("50000.0", "50000.1")
    floor.send(**ENTRY)
    floor.quote("50000.0", "50000.1")
    floor.quote("49850.0", "49850.1")
    floor.deliver()
    totals = floor.drive.tables.totals["USD"]
    assert money.text(totals.accounts) == "997300.7988"
    assert money.text(totals.house) == "1501"
    assert money.text(totals.fees) == "1198.2012"


def test_exit_that_completes_frees_what_the_rest_of_the_entry_held() -> None:
    floor = Floor()
    floor.quote("50000.0", "50000.1")
    entry = {"type": "limit", "qty": "10", "price": "49990.0", "bracket": ENTRY["bracket"]}
    floor.send(**entry)
    floor.quote("50000.0", "50000.1")
    floor.trade("49989.9", "4")
    floor.quote("50100.0", "50100.1")
    floor.quote("49799.9", "49800.0")
    floor.deliver()
    assert floor.net == "359.928"
    assert floor.drive.tables.balances["a|USD"].reserved == 0


def test_flatten_closes_a_bracketed_position_at_the_next_quote() -> None:
    floor = Floor()
    floor.quote("50000.0", "50000.1")
    floor.send(**ENTRY)
    floor.quote("50000.0", "50000.1")
    floor.deliver()
    kill = control.Kill(scope="account:a", action="kill", reason="r", seq=1, flatten=True)
    floor.accept(floor.drive.control(kill))
    floor.quote("49950.0", "49950.1")
    floor.deliver()
    assert floor.net == "-1700.4012"  # 50,000.1 to 49,950.0 and a taker's fee on both
    assert list(floor.drive.tables.orders.items()) == []
    assert list(floor.drive.tables.exits.items()) == []
    assert list(floor.stage.tables.exchange.orders.items()) == []


def test_replaced_limit_fills_at_its_new_price_and_frees_the_rest() -> None:
    floor = Floor()
    floor.quote("50000.0", "50000.1")
    floor.send(type="limit", qty="10", price="49000.0", client_order_id="c")
    floor.quote("50000.0", "50000.1")
    floor.send(cmd="replace", symbol=None, target="c", qty="5", price="49990.0")
    floor.quote("50000.0", "50000.1")
    floor.quote("49980.0", "49980.1")
    floor.deliver()
    balance = floor.drive.tables.balances["a|USD"]
    assert money.text(balance.cost) == "249950"
    assert balance.reserved == 0
