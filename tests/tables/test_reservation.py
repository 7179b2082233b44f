"""What an order holds, by hand: the worst price, the fee on it, and what a replace adds."""

from typing import Any

import pytest

from streams.instruments import Instrument
from tables import reservation
from tables.orders import LiveOrder, Terms
from tables.position import Position
from tests.tables.candidates import BTC, CASH, MARGIN, candidate, mark

LOT = 10**13
"""Money units of one lot at one tick: 0.01 x 0.001."""


@pytest.mark.parametrize(
    ("side", "type", "fields", "bps", "price"),
    [
        ("buy", "market", {}, None, 5_050_000),  # 5000000.5 x 1.01 = 5050000.505
        ("sell", "market", {}, None, 4_950_001),  # x 0.99 = 4950000.495
        ("buy", "market", {}, 0, 5_000_000),
        ("sell", "market", {}, 0, 5_000_001),
        ("buy", "market", {}, 9_999, 9_999_500),  # x 1.9999 = 9999500.99995
        ("buy", "stop", {"stop_price": 5_100_000}, None, 5_151_000),
        ("sell", "stop", {"stop_price": 4_900_000}, 50, 4_875_500),
        ("buy", "limit", {"price": 4_990_000}, None, 0),
        ("buy", "stop_limit", {"price": 5_100_000, "stop_price": 5_090_000}, None, 0),
        ("buy", "market", {"is_reducing": True}, None, 0),
        ("sell", "stop", {"stop_price": 1, "is_reducing": True}, None, 0),
    ],
)
def test_protection_is_the_reference_moved_against_the_order(
    side: str, type: str, fields: dict[str, Any], bps: int | None, price: int
) -> None:
    terms = {} if bps is None else {"protection_bps": bps}
    assert reservation.protection(candidate(side, type, terms=terms, **fields)) == price


@pytest.mark.parametrize(
    ("side", "type", "fields", "price"),
    [
        ("buy", "limit", {"price": 4_990_000}, 4_990_000),
        ("sell", "limit", {"price": 4_990_000}, 4_990_000),
        ("buy", "market", {}, 5_050_000),
        ("sell", "market", {}, 5_000_001),
        ("sell", "market", {"mark": mark(10_000_000)}, 5_000_000),
        ("buy", "market", {"is_reducing": True}, 5_000_001),
        ("sell", "stop", {"stop_price": 4_900_000}, 4_900_000),
        ("buy", "stop", {"stop_price": 5_100_000}, 5_151_000),
        ("buy", "market", {"mark": None}, 0),
        ("sell", "market", {"mark": None}, 0),
    ],
)
def test_the_worst_price_counts(side: str, type: str, fields: dict[str, Any], price: int) -> None:
    order = candidate(side, type, **fields)
    assert reservation.worst_price(order) == price
    assert reservation.notional(order, BTC) == price * 100 * LOT


def test_only_what_a_replace_leaves_open_counts() -> None:
    order = candidate(price=1_000_000, replaces=live(filled=40), qty=100)
    assert reservation.notional(order, BTC) == 1_000_000 * 60 * LOT


PRICE = 4_000_000
HALF = Instrument(**BTC.model_dump() | {"initial_margin": "0.3"})
FEE = PRICE * LOT * 26 // 10_000


@pytest.mark.parametrize(
    ("side", "profile", "instrument", "fields", "units"),
    [
        ("buy", CASH, BTC, {}, PRICE * LOT + FEE),
        ("sell", CASH, BTC, {}, 0),
        ("buy", MARGIN, BTC, {}, PRICE * LOT + FEE),
        ("sell", MARGIN, BTC, {}, PRICE * LOT + FEE),
        ("sell", MARGIN, BTC, {"is_reducing": True}, FEE),
        ("buy", CASH, BTC, {"is_reducing": True}, PRICE * LOT + FEE),
        ("buy", MARGIN, HALF, {}, PRICE * LOT * 3 // 10 + FEE),
        ("buy", CASH, HALF, {}, PRICE * LOT + FEE),
    ],
)
def test_a_lot_holds_its_worst_price_or_margin_and_the_taker_fee(
    side: str, profile: Any, instrument: Instrument, fields: dict[str, Any], units: int
) -> None:
    order = candidate(side, price=PRICE, profile=profile, **fields)
    assert reservation.reserved_lot(order, instrument, profile) == units


def test_a_margin_that_is_no_whole_unit_is_rounded_up() -> None:
    fine = Instrument(**BTC.model_dump() | {"initial_margin": "0.333333333333333333"})
    order = candidate(price=1, profile=MARGIN, rates=(0, 0))
    assert reservation.reserved_lot(order, fine, MARGIN) == 3_333_333_333_334


@pytest.mark.parametrize(
    ("rates", "rate"),
    [((1600, 2600), 2600), ((2600, 1600), 2600), ((-100, -50), 0), ((1, 0), 1), ((-1, 7), 7)],
)
def test_the_higher_rate_counts_and_no_rebate_is_spent_before_it_is_earned(
    rates: tuple[int, int], rate: int
) -> None:
    assert reservation.fee_rate(candidate(rates=rates)) == rate


def test_terms_are_made_once_for_a_quantity() -> None:
    order = candidate(price=PRICE)
    first = reservation.terms(order, BTC, CASH)
    assert first == Terms(qty=100, reserved_lot=PRICE * LOT + FEE, limit=PRICE, price=PRICE)
    order.price = 1
    assert reservation.terms(order, BTC, CASH) is first
    order.qty = 50
    again = reservation.terms(order, BTC, CASH)
    assert (again.qty, again.limit, order.agreed) == (50, 1, again)


def test_the_limit_of_an_order_without_price_is_its_protection() -> None:
    assert reservation.terms(candidate(type="market"), BTC, CASH).limit == 5_050_000


def live(filled: int = 0, qty: int = 100, reserved_lot: int = 500) -> LiveOrder:
    terms = Terms(qty=qty, reserved_lot=reserved_lot, limit=PRICE, price=PRICE)
    return LiveOrder("a", "c", BTC.symbol, 1, "limit", terms, filled=filled)


def test_a_new_order_needs_all_of_it() -> None:
    order = candidate(price=PRICE, position=Position())
    assert reservation.needed(order, Terms(qty=100, reserved_lot=7, limit=1)) == 700


@pytest.mark.parametrize(
    ("qty", "reserved_lot", "filled", "units"),
    [
        (150, 500, 0, 150 * 500 - 100 * 500),
        (150, 500, 40, 110 * 500 - 60 * 500),
        (100, 700, 40, 60 * 700 - 60 * 500),
        (50, 500, 40, 0),
        (50, 400, 0, 0),
    ],
)
def test_a_replace_needs_what_covers_old_and_new_terms(
    qty: int, reserved_lot: int, filled: int, units: int
) -> None:
    order = candidate(price=PRICE, qty=qty, replaces=live(filled))
    new = Terms(qty=qty, reserved_lot=reserved_lot, limit=PRICE, price=PRICE)
    assert reservation.needed(order, new) == units
