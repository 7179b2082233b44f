"""What an account is worth: currencies through pairs, positions at marks, margin; and that unknown is never nothing."""

from typing import Any

import pytest

from streams import control, money
from streams.codec import Undecodable
from streams.instruments import Instrument
from tables import exposure, rates
from tables.exposure import Exposure
from tests.limits.market import BTC_USDT, ENTRY, USDT, held, instrument
from tests.trading.drive import BTC, ETH, Drive, ready, wide

EUR = Instrument(
    symbol="EUR/USD.KRAKEN", base="EUR", quote="USD", venue="KRAKEN", tick="0.0001", lot="0.01"
)


def worth(drive: Drive, currency: str = "USD") -> Exposure:
    return exposure.of(drive.tables, "a", currency, clock_ns=drive.clock)


def with_pair(pair: Instrument, bid: int, **funded: str) -> Drive:
    drive = held()
    drive.control(control.InstrumentRecord(instrument=pair))
    drive.mark(pair.symbol, bid, bid)
    for currency, amount in funded.items():
        drive.control(control.Cash(account="a", id=currency, currency=currency, amount=amount))
    return drive


def test_position_counts_at_its_mark() -> None:
    drive = held()
    drive.mark(BTC.symbol, 5_100_000, 5_100_001)
    found = worth(drive)
    assert money.text(found.cash) == "9498.7"
    assert money.text(found.value) == money.text(found.held) == "510.00005"
    assert (found.nav, found.gross, found.worst) == (
        found.cash + found.value,
        found.value,
        {BTC.symbol: found.value},
    )


def test_short_counts_against_the_account_and_open_orders_at_their_worst() -> None:
    drive = ready(type="margin", taker_rate=0, maker_rate=0)
    short = drive.order(**ENTRY, side="sell", client_order_id="s")
    drive.fill(short.order_id, 10, 5_000_000)
    drive.order(**ENTRY | {"qty": "0.030"}, client_order_id="b")
    found = worth(drive)
    assert (money.text(found.value), money.text(found.held)) == ("-500", "500")
    assert (money.text(found.gross), found.worst) == ("1000", {BTC.symbol: 1_000 * money.UNIT})
    assert money.text(found.nav) == "10000"


def test_margin_is_a_share_of_what_is_held() -> None:
    drive = held(type="margin", taker_rate=0, maker_rate=0)
    instrument(initial_margin="0.2", maintenance_margin="0.5")(drive)
    found = worth(drive)
    assert (money.text(found.margin), money.text(found.maintenance)) == ("100", "50")
    assert money.text(exposure.margin_available(found)) == "9900"
    large = ENTRY | {"qty": "0.900", "client_order_id": "large"}
    assert drive.order(**large).outcome == "accepted"
    assert money.text(worth(drive).reserved) == "9000"


@pytest.mark.parametrize(
    ("pair", "bid", "amount", "usd"),
    [(EUR, 10_850, "100", "108.5"), (USDT, 9_990, "100", "99.9"),
     (EUR.model_copy(update={"symbol": "USD/CHF.X", "base": "USD", "quote": "CHF"}), 8_000, "100", "125")],
)  # fmt: skip
def test_foreign_cash_counts_through_its_pair(
    pair: Instrument, bid: int, amount: str, usd: str
) -> None:
    currency = pair.base if pair.quote == "USD" else pair.quote
    drive = with_pair(pair, bid, **{currency: amount})
    assert money.text(worth(drive).nav) == money.text(money.parse("9998.7") + money.parse(usd))


def test_foreign_position_counts_in_the_base_currency() -> None:
    drive = with_pair(USDT, 9_000, USDT="1000")
    drive.control(control.InstrumentRecord(instrument=USDT.model_copy(update={"peg": None})))
    drive.control(control.InstrumentRecord(instrument=BTC_USDT))
    drive.mark(BTC_USDT.symbol, 5_000_000, 5_000_000)
    order = drive.order(**ENTRY, symbol=BTC_USDT.symbol, client_order_id="t")
    assert order.outcome == "accepted", order.detail
    found = worth(drive)
    assert money.text(found.worst[BTC_USDT.symbol]) == "450"
    assert money.text(found.reserved) == money.text(money.parse("501.3") * 9 // 10)
    drive.fill(order.order_id, 10, 5_000_000, instrument=BTC_USDT)
    assert money.text(worth(drive).nav) == money.text(money.parse("9998.7") + money.parse("898.83"))


@pytest.mark.parametrize("change", [{"status": "stale"}, {"mid2": 0}])
def test_rate_that_is_not_current_is_none(change: dict[str, Any]) -> None:
    drive = with_pair(EUR, 10_850, EUR="100")
    drive.mark(EUR.symbol, 10_850, 10_850, **change)
    assert rates.convert(drive.tables, 100, "EUR", "USD", drive.clock) is None
    assert worth(drive).foreign == "EUR"
    assert drive.order(**ENTRY, client_order_id="e").reason == "NO_FX_RATE"


def test_old_rate_is_none_but_nothing_needs_no_rate() -> None:
    drive = with_pair(EUR, 10_850, EUR="100")
    assert rates.convert(drive.tables, 100, "EUR", "USD", drive.clock + 2 * 10**9) == 108
    assert rates.convert(drive.tables, 100, "EUR", "USD", drive.clock + 2 * 10**9 + 1) is None
    assert rates.convert(drive.tables, 0, "EUR", "USD", drive.clock + 10**12) == 0
    assert rates.convert(drive.tables, 7, "XYZ", "XYZ", 0) == 7


def test_withdrawal_of_a_margin_account_counts_all_currencies() -> None:
    drive = with_pair(EUR, 10_850, EUR="100")
    drive.control(control.Account(account="m", type="margin", mode="sim"))
    drive.control(wide("m"))
    drive.control(control.Cash(account="m", id="1", currency="USD", amount="10"))
    with pytest.raises(Undecodable, match="INSUFFICIENT_CASH"):
        drive.control(control.Cash(account="m", id="2", currency="USD", amount="-10.01"))
    drive.control(control.Cash(account="m", id="3", currency="USD", amount="-10"))


def test_first_of_two_listings_of_a_pair_by_name_tells_the_rate() -> None:
    drive = with_pair(EUR, 10_850, EUR="100")
    other = EUR.model_copy(update={"symbol": "EUR/USD.AAA"})
    drive.control(control.InstrumentRecord(instrument=other))
    assert worth(drive).foreign == "EUR"
    drive.mark(other.symbol, 10_000, 10_000)
    assert money.text(worth(drive).nav) == "10098.7"


def test_record_of_a_fill_carries_currency_equity_and_exposure() -> None:
    drive = ready()
    order = drive.order(**ENTRY, client_order_id="c")
    record = drive.fill(order.order_id, 10, 5_000_000)
    assert record is not None
    assert (record.currency, record.equity, record.exposure) == ("USD", "9998.7", "500")
    drive.tables.marks.delete(BTC.symbol)
    record = drive.book(qty=10, price=5_000_000, side="sell")
    assert record is not None
    assert (record.equity, record.exposure) == ("9998.7", "0")


def test_equity_less_deposits_is_what_is_realised_and_what_is_not() -> None:
    drive = held()
    ether = drive.order(symbol=ETH.symbol, qty="0.030", price="2000.00", client_order_id="e")
    drive.fill(ether.order_id, 30, 199_990)
    drive.book(qty=4, price=5_050_000, side="sell", fee_rate=2600)
    drive.mark(BTC.symbol, 4_700_000, 4_700_003)
    balance, found = drive.tables.balances["a|USD"], worth(drive)
    held_now = [drive.tables.positions[f"a|{symbol}"] for symbol in (BTC.symbol, ETH.symbol)]
    net = sum(position.net for position in held_now)
    unrealised = found.value - sum(position.cost for position in held_now)
    assert net + unrealised == found.nav - balance.deposits
