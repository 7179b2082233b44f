"""The checks of what everything adds up to, at their edges."""

from typing import Any

import msgspec
import pytest

from streams import money
from tables import portfolio_checks, profiles
from tables.account_tables import AccountTables
from tables.candidate import Candidate, Refusal
from tables.exposure import Exposure
from tables.orders import OpenLots
from tables.position import Position
from tables.profiles import SymbolLimits
from tables.simulation import Tails
from tests.tables.candidates import BTC, MARGIN, candidate

TABLES = AccountTables(0)


def limited(**changes: Any) -> profiles.Profile:
    return msgspec.structs.replace(profiles.SHIPPED["default"], **changes)


def of_position(side: str, most: int, qty: int, lots: OpenLots, **more: Any) -> Refusal | None:
    """The limit of the symbol is so many lots; the order is of 100."""
    own = {BTC.symbol: SymbolLimits(position=most * BTC.lot_units)}
    order = candidate(side, profile=MARGIN, position=Position(qty=qty), open=lots, **more)
    order.limits = limited(symbols=own)
    return portfolio_checks.position(order, TABLES)


@pytest.mark.parametrize(
    ("side", "qty", "lots", "worst"),
    [
        ("buy", 0, OpenLots(), 100),
        ("buy", 50, OpenLots(buys=30), 180),
        ("buy", 50, OpenLots(sells=400), 350),
        ("buy", -50, OpenLots(sells=60), 110),
        ("sell", 50, OpenLots(sells=30), 80),
        ("sell", -50, OpenLots(sells=30), 180),
        ("sell", -50, OpenLots(buys=400), 350),
        ("sell", 50, OpenLots(buys=60), 110),
    ],
)
def test_a_position_counts_at_its_worst(side: str, qty: int, lots: OpenLots, worst: int) -> None:
    assert of_position(side, worst, qty, lots) is None
    refusal = of_position(side, worst - 1, qty, lots)
    told = [money.text(lots * BTC.lot_units) for lots in (worst, worst - 1)]
    assert refusal == Refusal("POSITION_LIMIT", f"{told[0]} > {told[1]}")


def test_a_cash_account_sells_all_that_it_has_and_no_lot_more() -> None:
    order = candidate("sell", position=Position(qty=130), open=OpenLots(sells=30))
    assert portfolio_checks.funds(order, TABLES) is None
    order = candidate("sell", position=Position(qty=130), open=OpenLots(sells=31))
    assert portfolio_checks.funds(order, TABLES) == Refusal(
        "INSUFFICIENT_POSITION", "lots 100 > 99"
    )


def exposed(worst: dict[str, int], nav: int = 10_000, **limits: Any) -> Candidate:
    order = candidate(profile=MARGIN, limits=limited(**limits))
    amounts = {symbol: amount * money.UNIT for symbol, amount in worst.items()}
    gross = sum(abs(amount) for amount in amounts.values())
    order.exposure = Exposure(cash=nav * money.UNIT, gross=gross, worst=amounts)
    return order


@pytest.mark.parametrize("sign", [1, -1])
def test_one_symbol_may_be_exactly_its_share(sign: int) -> None:
    at = exposed({BTC.symbol: sign * 3_500}, symbol_bps=3_500)
    assert portfolio_checks.concentration(at, TABLES) is None
    above = exposed({BTC.symbol: sign * 3_501}, symbol_bps=3_500)
    refusal = portfolio_checks.concentration(above, TABLES)
    assert refusal == Refusal("CONCENTRATION", "3501 > 3500")


def test_a_symbol_that_would_not_be_held_is_no_concentration() -> None:
    order = exposed({}, nav=0)
    assert portfolio_checks.concentration(order, TABLES) is None


def test_a_cluster_may_be_exactly_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tables.clusters.joined", lambda symbol, *_: {symbol, "ADA/USD.T"})
    at = exposed({BTC.symbol: 6_000, "ETH/USD.T": 5_000}, cluster_bps=6_000)
    assert portfolio_checks.cluster(at, TABLES) is None
    above = exposed({BTC.symbol: -6_001, "ETH/USD.T": 5_000}, cluster_bps=6_000)
    assert portfolio_checks.cluster(above, TABLES) == Refusal("CLUSTER", "2: 6001 > 6000")


@pytest.mark.parametrize(
    ("lost", "refusal"),
    [
        (Tails(100, 50, 70), None),
        (Tails(101, 50, 70), "CVAR"),
        (Tails(100, 51, 70), "VAR"),
        (Tails(100, 50, 71), "VAR"),
    ],
)
def test_tails_may_be_exactly_their_limits(lost: Tails, refusal: str | None) -> None:
    found = portfolio_checks._beyond(lost, Tails(100, 50, 70))
    assert (found.reason if found is not None else None) == refusal
