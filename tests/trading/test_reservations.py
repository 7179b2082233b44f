"""Reserve on acceptance, settle on fills, release on the end; the page's worked example to the last digit."""

import pytest

from streams import money
from tables.lifecycle import BrokenInvariant
from tests.trading.drive import BTC, Drive, ready

BUY = {"qty": "0.100", "price": "50000.00"}


def test_worked_example_of_a_cash_buy() -> None:
    drive = ready()
    decision = drive.order(**BUY)
    assert (decision.outcome, decision.reserved) == ("accepted", "5013")
    assert _books(drive) == ("10000", "5013", "4987")
    drive.fill(decision.order_id, 40, 4_999_000)
    assert _books(drive) == ("7995.20104", "3007.8", "4987.40104")
    drive.fill(decision.order_id, 30, 5_000_000, maker=True)
    assert _books(drive) == ("6492.80104", "1503.9", "4988.90104")
    drive.ended(decision.order_id, "CANCELLED", 70)
    assert _books(drive) == ("6492.80104", "0", "6492.80104")
    assert decision.order_id not in drive.tables.orders


def test_market_buy_reserves_the_mark_and_its_protection() -> None:
    drive = ready()
    decision = drive.order(type="market", qty="0.100")
    accepted = drive.accepted[decision.order_id]
    assert accepted.protection == 5_050_000
    assert decision.reserved == money.text(money.parse("5050") + money.parse("13.13"))


def test_protection_is_rounded_to_the_marks_side_of_the_bound() -> None:
    drive = ready(type="margin")
    drive.mark(BTC.symbol, 5_000_000, 5_000_003)
    buy = drive.order(type="market", qty="0.010", protection_bps=7)
    sell = drive.order(
        type="market", qty="0.010", side="sell", protection_bps=7, client_order_id="c2"
    )
    assert (
        drive.accepted[buy.order_id].protection == 5_003_501
    )  # 50000.015 x 1.0007 = 50035.0150105
    assert (
        drive.accepted[sell.order_id].protection == 4_996_502
    )  # 50000.015 x 0.9993 = 49965.0149895


@pytest.mark.parametrize("fields", [{"type": "market"}, {"type": "stop", "stop_price": "49000.00"}])
def test_an_exit_always_fills_at_the_market(fields: dict[str, str]) -> None:
    drive = _long_one()
    exit = drive.order(side="sell", qty="0.1", client_order_id="exit", **fields)
    assert drive.accepted[exit.order_id].protection == 0
    drive.fill(exit.order_id, 100, 1)


def test_stop_buy_reserves_its_stop_price_and_protection() -> None:
    drive = ready()
    decision = drive.order(type="stop", qty="0.100", stop_price="51000.00")
    assert drive.accepted[decision.order_id].protection == 5_151_000
    assert decision.reserved == money.text(money.parse("5151") + money.parse("13.3926"))


def test_filled_event_before_its_fills_releases_nothing() -> None:
    drive = ready()
    order_id = drive.order(**BUY).order_id
    drive.ended(order_id, "FILLED", 100)
    assert _books(drive) == ("10000", "5013", "4987")
    drive.fill(order_id, 60, 5_000_000)
    drive.fill(order_id, 40, 5_000_000)
    assert _books(drive) == ("4987", "0", "4987")
    assert drive.order(**BUY).detail.endswith("now FILLED")


def test_cancel_event_before_the_last_fill_keeps_what_that_fill_needs() -> None:
    drive = ready()
    order_id = drive.order(**BUY).order_id
    drive.ended(order_id, "CANCELLED", 40)
    assert _books(drive)[1] == "2005.2"
    drive.fill(order_id, 40, 4_999_000)
    assert _books(drive) == ("7995.20104", "0", "7995.20104")
    assert drive.order(**BUY).detail.endswith("now CANCELLED")


@pytest.mark.parametrize("state", ["CANCELLED", "REJECTED", "EXPIRED"])
def test_every_end_without_a_fill_releases_all(state: str) -> None:
    drive = ready()
    order_id = drive.order(**BUY).order_id
    drive.ended(order_id, state, 0)  # type: ignore[arg-type] # parametrize gives str
    assert _books(drive) == ("10000", "0", "10000")


def test_sell_of_a_cash_account_holds_lots_not_cash() -> None:
    drive = _long_one()
    decision = drive.order(side="sell", qty="0.060", price="50100.00", client_order_id="s1")
    assert decision.reserved == "0"
    assert drive.accepted[decision.order_id].reduce_only  # the broker never lets it open a short
    refused = drive.order(side="sell", qty="0.041", price="50100.00", client_order_id="s2")
    assert (refused.reason, refused.detail) == (
        "INSUFFICIENT_POSITION",
        "lots 41 > 40; reducible_qty 0.04",
    )
    assert drive.order(side="sell", qty="0.04", price="50100.00", client_order_id="s3").order_id


def test_margin_entry_holds_its_notional_and_fee_and_an_exit_its_fee() -> None:
    drive = ready(type="margin")
    short = drive.order(side="sell", **BUY)
    assert short.reserved == "5013"
    drive.fill(short.order_id, 100, 5_000_000)
    exit = drive.order(qty="0.1", price="49000.00", client_order_id="c2")
    assert exit.reserved == "12.74"


def test_more_than_the_margin_is_refused() -> None:
    drive = ready(type="margin")
    refused = drive.order(side="sell", qty="0.200", price="50000.00")
    assert (refused.reason, refused.detail) == ("INSUFFICIENT_MARGIN", "10026 > 10000")
    first = drive.order(side="sell", client_order_id="c2", **BUY)
    drive.fill(first.order_id, 100, 5_000_000)
    second = drive.order(side="sell", client_order_id="c3", **BUY)
    assert (second.reason, second.detail) == ("INSUFFICIENT_MARGIN", "5013 > 4987")


def test_fill_beyond_the_order_stops_the_process() -> None:
    drive = ready()
    order_id = drive.order(**BUY).order_id
    with pytest.raises(BrokenInvariant, match="100 left"):
        drive.fill(order_id, 101, 5_000_000)


def test_fill_worse_than_the_limit_stops_the_process() -> None:
    drive = ready()
    order_id = drive.order(**BUY).order_id
    with pytest.raises(BrokenInvariant, match="limit 5000000"):
        drive.fill(order_id, 1, 5_000_001)


def test_fill_after_the_end_stops_the_process() -> None:
    drive = ready()
    order_id = drive.order(**BUY).order_id
    drive.ended(order_id, "CANCELLED", 0)
    with pytest.raises(BrokenInvariant, match="not open"):
        drive.fill(order_id, 1, 5_000_000)


def test_fewer_lots_at_the_end_than_were_filled_stops_the_process() -> None:
    drive = ready()
    order_id = drive.order(**BUY).order_id
    drive.fill(order_id, 2, 5_000_000)
    with pytest.raises(BrokenInvariant, match="2 were booked"):
        drive.ended(order_id, "CANCELLED", 1)


def _long_one() -> Drive:
    drive = ready()
    entry = drive.order(**BUY)
    drive.fill(entry.order_id, 100, 5_000_000)
    return drive


def _books(drive: Drive) -> tuple[str, str, str]:
    balance = drive.tables.balances["a|USD"]
    return money.text(balance.cash), money.text(balance.reserved), money.text(balance.available)
