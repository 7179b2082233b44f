"""Fills and deposits become money that is neither made nor lost; whatever contradicts the books stops the process."""

from collections.abc import Callable

import pytest

from streams import control, money
from streams.codec import Undecodable
from tables.lifecycle import BrokenInvariant
from tests.trading.drive import BTC, ETH, Drive, ready

LIMIT = {"qty": "0.100", "price": "50000.00"}


def test_position_record_after_each_fill() -> None:
    drive = ready()
    order_id = drive.order(**LIMIT).order_id
    record = drive.fill(order_id, 40, 4_999_000)
    assert record is not None
    assert (record.account, record.symbol, record.fill_id) == ("a", BTC.symbol, "f0")
    assert (record.qty, record.average_price, record.cost) == ("0.04", "49990", "1999.6")
    assert (record.gross, record.fees, record.net) == ("0", "5.19896", "-5.19896")
    assert (record.cash, record.reserved, record.realised) == ("7995.20104", "3007.8", "0")
    exit = drive.book(qty=10, price=5_009_000, side="sell", fee_rate=2600)
    assert exit is not None
    assert (exit.qty, exit.cost, exit.realised, exit.gross) == ("0.03", "1499.7", "1", "1")


def test_fill_is_mirrored_by_the_house_and_the_fees() -> None:
    drive = ready()
    drive.fill(drive.order(**LIMIT).order_id, 100, 5_000_000)
    totals, lots = drive.tables.totals["USD"], drive.tables.lots[BTC.symbol]
    assert money.text(totals.house) == "5000"
    assert money.text(totals.fees) == "13"
    assert money.text(totals.accounts) == "4987"
    assert (lots.positions, lots.house) == (100, -100)


def test_known_fill_has_no_effect_and_is_counted() -> None:
    drive = ready()
    order_id = drive.order(**LIMIT).order_id
    assert drive.fill(order_id, 40, 5_000_000, fill_id="same") is not None
    before = [dict(table.items()) for table in drive.tables.all() if table.name != "cell"]
    assert drive.fill(order_id, 40, 5_000_000, fill_id="same") is None
    assert [dict(table.items()) for table in drive.tables.all() if table.name != "cell"] == before
    assert drive.tables.cell["cell"].repeated_fills == 1


def test_fill_below_the_last_offset_has_no_effect() -> None:
    drive = ready()
    order_id = drive.order(**LIMIT).order_id
    drive.fill(order_id, 40, 5_000_000)
    drive.offsets["fills"] = 0
    assert drive.fill(order_id, 40, 5_000_000, fill_id="another") is None
    assert drive.tables.positions[f"a|{BTC.symbol}"].qty == 40


def test_memory_of_fills_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents.ledger.FILLS_REMEMBERED", 2)
    drive = ready()
    order_id = drive.order(**LIMIT).order_id
    for _ in range(5):
        drive.fill(order_id, 1, 5_000_000)
        drive.commit()
    assert [key for key, _ in drive.tables.fills.items()] == ["f3", "f4"]


@pytest.mark.parametrize("field", ["notional", "fee"])
def test_fill_whose_figures_do_not_follow_stops_the_process(field: str) -> None:
    drive = ready()
    order_id = drive.order(**LIMIT).order_id
    with pytest.raises(BrokenInvariant, match="does not follow"):
        drive.fill(order_id, 1, 5_000_000, False, **{field: "0.01"})


def _lose_fee(drive: Drive) -> None:
    drive.tables.totals["USD"].fees -= 1


def _lose_cash(drive: Drive) -> None:
    drive.tables.balances["a|USD"].cash += 1


def _lose_lot(drive: Drive) -> None:
    drive.tables.lots[BTC.symbol].house += 1


def _lose_reservation(drive: Drive) -> None:
    drive.tables.balances["a|USD"].reserved = 0


@pytest.mark.parametrize("lose", [_lose_fee, _lose_cash, _lose_lot, _lose_reservation])
def test_books_that_contradict_themselves_stop_the_process(lose: Callable[[Drive], None]) -> None:
    drive = ready()
    order_id = drive.order(**LIMIT).order_id
    drive.fill(order_id, 1, 5_000_000)
    lose(drive)
    with pytest.raises(BrokenInvariant):
        drive.fill(order_id, 1, 5_000_000)


def test_cash_account_that_would_be_short_stops_the_process() -> None:
    drive = ready()
    with pytest.raises(BrokenInvariant, match="owes"):
        drive.book(qty=1, price=5_000_000, side="sell")


def test_margin_account_goes_short_and_pays_back() -> None:
    drive = ready(type="margin", maker_rate=0, taker_rate=0)
    short = drive.order(side="sell", **LIMIT).order_id
    record = drive.fill(short, 100, 5_000_000)
    assert record is not None
    assert (record.qty, record.cost, record.cash) == ("-0.1", "5000", "15000")
    record = drive.book(qty=100, price=4_900_000, side="buy")
    assert record is not None
    assert (record.qty, record.cost, record.gross, record.cash) == ("0", "0", "100", "10100")


def test_deposit_counts_once_by_its_id() -> None:
    drive = ready(cash="10000")
    deposit = control.Cash(account="a", id="second", currency="USD", amount="0.5")
    record = drive.control(deposit)[0].message
    assert (record.account, record.symbol, record.cash) == ("a", "", "10000.5")
    with pytest.raises(Undecodable, match="CONTROL_REPLAYED"):
        drive.control(deposit)
    assert money.text(drive.tables.totals["USD"].deposits) == "10000.5"


def test_withdrawal_takes_no_more_than_is_available() -> None:
    drive = ready()
    drive.order(**LIMIT)
    with pytest.raises(Undecodable, match="INSUFFICIENT_CASH"):
        drive.control(control.Cash(account="a", id="w1", currency="USD", amount="-4987.01"))
    drive.control(control.Cash(account="a", id="w2", currency="USD", amount="-4987"))
    balance = drive.tables.balances["a|USD"]
    assert (money.text(balance.cash), balance.available) == ("5013", 0)


def test_withdrawal_from_a_short_margin_account_leaves_its_margin() -> None:
    drive = ready(type="margin", maker_rate=0, taker_rate=0)
    drive.fill(drive.order(side="sell", **LIMIT).order_id, 100, 5_000_000)
    with pytest.raises(Undecodable, match="INSUFFICIENT_CASH"):
        drive.control(control.Cash(account="a", id="w1", currency="USD", amount="-5000.01"))
    drive.tables.marks.delete(BTC.symbol)
    with pytest.raises(Undecodable, match="INSUFFICIENT_CASH"):
        drive.control(control.Cash(account="a", id="w2", currency="USD", amount="-1"))


def test_deposit_is_booked_by_the_accounts_own_partition_alone() -> None:
    cells = [Drive(partitions=2, partition=partition) for partition in range(2)]
    deposit = control.Cash(account="a", id="1", currency="USD", amount="5")
    assert [len(cell.control(deposit)) for cell in cells] == [0, 1]


def test_currencies_are_kept_apart() -> None:
    drive = ready()
    drive.fill(drive.order(symbol=ETH.symbol, qty="0.010", price="2000.00").order_id, 10, 200_000)
    drive.control(control.Cash(account="a", id="e", currency="EUR", amount="7"))
    assert money.text(drive.tables.balances["a|EUR"].cash) == "7"
    assert money.text(drive.tables.totals["EUR"].accounts) == "7"
