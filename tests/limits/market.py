"""A cell with a position, and what can happen to its market: the stage of the tests of limits."""

from collections.abc import Callable
from typing import Any

from streams import control
from streams.instruments import Instrument
from tests.trading.drive import BTC, ETH, Drive, ready, wide

SECOND = 10**9
MINUTE, HOUR, DAY = 60 * SECOND, 3_600 * SECOND, 86_400 * SECOND
ENTRY: dict[str, Any] = {"qty": "0.010", "price": "50000.00"}
USDT = Instrument(
    symbol="USDT/USD.KRAKEN", base="USDT", quote="USD", venue="KRAKEN", tick="0.0001", lot="0.01", peg="1"
)  # fmt: skip
BTC_USDT = Instrument(
    symbol="BTC/USDT.KRAKEN", base="BTC", quote="USDT", venue="KRAKEN", tick="0.01", lot="0.001"
)

Change = Callable[[Drive], object]


def held(lots: int = 10, **ready_with: Any) -> Drive:
    """Account `a` with 10,000 USD, wide limits, and so many lots of BTC bought at 50,000."""
    drive = ready(**ready_with)
    order = drive.order(qty=BTC.qty_text(lots), price="50000.00", client_order_id="held")
    drive.fill(order.order_id, lots, 5_000_000)
    return drive


def limits(**changes: Any) -> Change:
    """Wide limits but for these."""
    return lambda drive: drive.control(wide(**changes))


def mark(ticks: int, symbol: str = BTC.symbol, **changes: Any) -> Change:
    """A narrow book around a price."""
    return lambda drive: drive.mark(symbol, ticks - 1, ticks + 1, **changes)


def later(ns: int) -> Change:
    """Event time passes, and the standing prices are heard again."""

    def change(drive: Drive) -> None:
        drive.clock += ns
        for symbol in (BTC.symbol, ETH.symbol):
            known = drive.tables.marks[symbol]
            drive.mark(symbol, known.bid, known.ask)

    return change


def instrument(**changes: Any) -> Change:
    """BTC as it is but for these."""
    changed = BTC.model_copy(update=changes)
    return lambda drive: drive.control(control.InstrumentRecord(instrument=changed))


def every(*changes: Change) -> Change:
    """One after the other."""

    def change(drive: Drive) -> None:
        for one in changes:
            one(drive)

    return change
