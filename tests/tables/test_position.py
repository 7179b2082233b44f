"""Average cost beside exact fractions: every way in which a fill meets a position, to the last unit."""

from fractions import Fraction
from typing import Any

import pytest

from streams import money
from streams.instruments import Instrument
from tables import position
from tables.position import Part, Position

UNITS = Instrument(symbol="A.B", base="A", quote="USD", venue="B", tick="0.01", lot="0.001")
PRICE = 7 * 10**15
"""Money of one lot."""


def held(qty: int, cost: int = 0, **more: Any) -> Position:
    return Position(qty=qty, cost=cost or abs(qty) * 5 * 10**15, opened_at=1, cycle=1, **more)


def fill(qty: int, price: int = PRICE, fee: int = 0) -> Part:
    return Part(qty, qty * price, fee)


@pytest.mark.parametrize(
    ("before", "side", "qty", "fee", "closed", "opened"),
    [
        (0, 1, 4, 100, (0, 0), (4, 100)),
        (3, 1, 4, 100, (0, 0), (4, 100)),
        (-3, -1, 4, 100, (0, 0), (4, 100)),
        (3, -1, 2, 101, (2, 101), (0, 0)),
        (-3, 1, 3, 101, (3, 101), (0, 0)),
        (3, -1, 4, 101, (3, 75), (1, 26)),
        (-1, 1, 3, 100, (1, 33), (2, 67)),
        (1, -1, 3, -100, (1, -34), (2, -66)),
    ],
)
def test_a_fill_closes_first_and_the_opened_part_pays_the_rest_of_the_fee(
    before: int, side: int, qty: int, fee: int, closed: tuple[int, int], opened: tuple[int, int]
) -> None:
    first, second = position.split(held(before), side, fill(qty, fee=fee))
    assert (first.qty, first.fee, first.notional) == (*closed, closed[0] * PRICE)
    assert (second.qty, second.fee, second.notional) == (*opened, opened[0] * PRICE)


@pytest.mark.parametrize("before", [-3, -1, 0, 2, 3])
@pytest.mark.parametrize("side", [-1, 1])
@pytest.mark.parametrize("qty", [1, 2, 3, 7])
def test_a_position_after_a_fill_is_what_fractions_say(before: int, side: int, qty: int) -> None:
    cost = 10_000_000_000_000_001 * abs(before)
    row = held(before, cost, gross=11, fees=5, volume=17)
    position.apply(row, side, fill(qty, fee=9), time=77)
    closing = min(qty, abs(before)) if before * side < 0 else 0
    removed = Fraction(cost * closing, abs(before)) if closing else Fraction(0)
    gained = (1 if before > 0 else -1) * (closing * PRICE - removed) if closing else 0
    assert row.qty == before + side * qty
    assert row.cost == cost - removed + (qty - closing) * PRICE
    assert (row.gross, row.fees, row.volume) == (11 + gained, 14, 17 + qty * PRICE)
    opens = before == 0 or qty > closing > 0
    assert (row.opened_at, row.cycle) == ((77, 2) if opens else (1, 1))


@pytest.mark.parametrize(
    ("cost", "qty", "removed"), [(3, 2, 2), (10, 3, 3), (5, 2, 2), (7, 2, 4), (11, 4, 3)]
)
def test_a_split_cost_is_rounded_half_to_even(cost: int, qty: int, removed: int) -> None:
    row = held(qty, cost)
    position.apply(row, -1, Part(1, 0, 0), time=2)
    assert (row.cost, row.gross) == (cost - removed, -removed)


def test_a_flat_position_has_cost_0_whatever_was_rounded() -> None:
    row = held(3, 10)
    position.apply(row, -1, Part(1, 0, 0), time=2)
    position.apply(row, -1, Part(2, 0, 0), time=3)
    assert (row.qty, row.cost, row.gross, row.side) == (0, 0, -10, 0)


@pytest.mark.parametrize(("qty", "side"), [(5, 1), (1, 1), (0, 0), (-1, -1), (-5, -1)])
def test_side_signed_cost_and_net(qty: int, side: int) -> None:
    row = Position(qty=qty, cost=9, gross=7, fees=3)
    assert (row.side, row.signed_cost, row.net) == (side, side * 9, 4)


def test_an_empty_position_is_all_zeros() -> None:
    assert Position() == Position(0, 0, 0, 0, 0, 0, 0, "")


@pytest.mark.parametrize(
    ("qty", "cost", "average"),
    [
        (0, 0, "0"),
        (1, money.UNIT, "1000"),
        (-2, money.UNIT, "500"),
        (3, money.UNIT, "333.333333333333"),
        (6, money.UNIT, "166.666666666667"),
        (-7, 5 * 10**15, "0.714285714286"),
    ],
)
def test_the_average_price_is_of_one_unit_with_twelve_decimals(
    qty: int, cost: int, average: str
) -> None:
    assert position.average_price(Position(qty=qty, cost=cost), UNITS) == average
