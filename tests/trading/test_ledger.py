"""Fills and deposits become money that is neither made nor lost; whatever contradicts the books stops the process."""

from collections.abc import Callable

import pytest

from streams import control, money
from streams.codec import Undecodable
from tables.lifecycle import BrokenInvariant
from tests.limits.market import BTC_USDT, USDT
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
    assert (exit.time, exit.open_orders, record.open_orders) == (drive.clock, 1, 1)
    last = drive.book(qty=10, price=5_009_000, side="sell", fee_rate=2600)
    assert last is not None and (last.realised, last.gross) == ("1", "2")


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
    drive.fill(order_id, 40, 5_000_000, fill_id="same")
    assert drive.tables.cell["cell"].repeated_fills == 2


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
    assert _refusal(drive, deposit) == "CONTROL_REPLAYED"
    assert money.text(drive.tables.totals["USD"].deposits) == "10000.5"
    other = deposit.model_copy(update={"account": "b"})
    assert drive.control(other)[0].message.cash == "0.5"


def _refusal(drive: Drive, cash: control.Cash) -> str:
    with pytest.raises(Undecodable) as refused:
        drive.control(cash)
    return refused.value.reason


def _withdrawal(id: str, amount: str, currency: str = "USD") -> control.Cash:
    return control.Cash(account="a", id=id, currency=currency, amount=f"-{amount}")


UNIT = "0.000000000000000001"
"""The smallest amount of money."""


def test_deposit_tells_its_currency_and_is_counted_beside_the_others() -> None:
    drive = ready()
    record = drive.control(control.Cash(account="a", id="e", currency="EUR", amount="7"))[0].message
    assert (record.currency, record.cash) == ("EUR", "7")
    assert drive.tables.guards.funded["a"].currencies == ("USD", "EUR")


def test_cash_account_withdraws_what_is_free_though_no_mark_tells_its_worth() -> None:
    drive = ready()
    drive.fill(drive.order(**LIMIT).order_id, 100, 5_000_000)
    drive.tables.marks.delete(BTC.symbol)
    drive.control(_withdrawal("w", "4987"))
    assert drive.tables.balances["a|USD"].available == 0


def test_account_without_a_record_withdraws_no_more_than_it_has() -> None:
    drive = Drive()
    drive.control(control.Cash(account="a", id="d", currency="USD", amount="5"))
    assert _refusal(drive, _withdrawal("w1", "5.01")) == "INSUFFICIENT_CASH"
    drive.control(_withdrawal("w2", "5"))


def _with_usdt(drive: Drive) -> Drive:
    drive.control(control.InstrumentRecord(instrument=USDT))
    drive.control(control.Cash(account="a", id="t", currency="USDT", amount="100"))
    drive.mark(USDT.symbol, 9_999, 10_001)
    return drive


def test_margin_account_withdraws_a_foreign_currency_at_its_rate_while_that_is_known() -> None:
    drive = _with_usdt(ready(cash="50", type="margin"))
    assert _refusal(drive, _withdrawal("w1", "100.01", "USDT")) == "INSUFFICIENT_CASH"
    drive.control(_withdrawal("w2", "99", "USDT"))
    assert _refusal(drive, _withdrawal("w3", UNIT, "CHF")) == "INSUFFICIENT_CASH"
    drive.clock += 3 * 10**9
    assert _refusal(drive, _withdrawal("w4", "1", "USD")) == "INSUFFICIENT_CASH"


def test_margin_account_whose_margin_is_all_in_use_withdraws_nothing() -> None:
    drive = ready(cash="5000", type="margin", maker_rate=0, taker_rate=0)
    drive.fill(drive.order(**LIMIT).order_id, 100, 5_000_000)
    assert _refusal(drive, _withdrawal("w", UNIT)) == "INSUFFICIENT_CASH"


def test_first_fill_in_a_currency_opens_its_books() -> None:
    drive = ready(type="margin")
    drive.control(control.InstrumentRecord(instrument=BTC_USDT))
    record = drive.book(BTC_USDT, qty=1, price=5_000_000, side="buy")
    assert record is not None and (record.currency, record.cash) == ("USDT", "-50")
    assert money.text(drive.tables.totals["USDT"].house) == "50"


def test_fill_of_nothing_stops_the_process() -> None:
    with pytest.raises(BrokenInvariant, match="does not follow"):
        ready(type="margin").book(qty=0, price=5_000_000, side="sell")


def test_withdrawal_takes_no_more_than_is_available() -> None:
    drive = ready()
    drive.order(**LIMIT)
    assert _refusal(drive, _withdrawal("w1", "4987.01")) == "INSUFFICIENT_CASH"
    drive.control(control.Cash(account="a", id="w2", currency="USD", amount="-4987"))
    balance = drive.tables.balances["a|USD"]
    assert (money.text(balance.cash), balance.available) == ("5013", 0)


def test_withdrawal_from_a_short_margin_account_leaves_its_margin() -> None:
    drive = ready(type="margin", maker_rate=0, taker_rate=0)
    drive.fill(drive.order(side="sell", **LIMIT).order_id, 100, 5_000_000)
    assert _refusal(drive, _withdrawal("w1", "5000.01")) == "INSUFFICIENT_CASH"
    drive.tables.marks.delete(BTC.symbol)
    assert _refusal(drive, _withdrawal("w2", UNIT)) == "INSUFFICIENT_CASH"


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
