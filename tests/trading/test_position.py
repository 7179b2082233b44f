"""The published average-cost sequence and a flip, to the last digit."""

from typing import NamedTuple

import pytest

from streams import money
from streams.instruments import Instrument
from tables import position
from tables.position import Part, Position

UNITS = Instrument(symbol="ZB.CBOT", base="ZB", quote="USD", venue="CBOT", tick="1", lot="1")


class Row(NamedTuple):
    side: int
    qty: int
    price: int
    held: int
    cost: str
    gross: str
    net: str
    average: str


ONE_BP = (
    Row(1, 12, 100, 12, "1200", "0", "-0.12", "100"),
    Row(1, 17, 99, 29, "2883", "0", "-0.2883", "99.413793103448"),
    Row(-1, 9, 101, 20, "1988.275862068965517241", "14.275862068965517241",
        "13.896662068965517241", "99.413793103448"),
    Row(-1, 4, 105, 16, "1590.620689655172413793", "36.620689655172413793",
        "36.199489655172413793", "99.413793103448"),
    Row(1, 3, 103, 19, "1899.620689655172413793", "36.620689655172413793",
        "36.168589655172413793", "99.980036297641"),
)  # fmt: skip


def test_average_cost_at_one_basis_point() -> None:
    held = Position()
    for row in ONE_BP:
        _fill(held, row.side, row.qty, row.price, rate=100)
        assert held.qty == row.held
        assert money.text(held.cost) == row.cost
        assert money.text(held.gross) == row.gross
        assert money.text(held.net) == row.net
        assert position.average_price(held, UNITS) == row.average


def test_average_cost_without_fee_has_the_same_gross() -> None:
    held = Position()
    for row in ONE_BP:
        _fill(held, row.side, row.qty, row.price, rate=0)
        assert (money.text(held.gross), held.net) == (row.gross, held.gross)


def test_average_cost_at_ten_basis_points() -> None:
    held = Position()
    for side, qty, price in ((1, 12, 10000), (1, 17, 9999), (-1, 9, 10001)):
        _fill(held, side, qty, price, rate=1000)
    assert money.text(held.net) == "-365.716137931034482759"
    _fill(held, 1, 3, 10003, rate=1000)
    assert money.text(held.net) == "-395.725137931034482759"
    assert position.average_price(held, UNITS) == "9999.88155922039"
    _fill(held, -1, 4, 10005, rate=1000)
    assert held.qty == 19
    assert money.text(held.gross) == "34.749625187406296851"
    assert money.text(held.net) == "-415.271374812593703149"


def test_flip_closes_first_then_opens_and_splits_the_fee_by_quantity() -> None:
    held = Position()
    _fill(held, 1, 2, 100, rate=0)
    fill = Part(5, UNITS.notional(110, 5), money.parse("1.10"))
    closed, opened = position.split(held, -1, fill)
    assert (closed.qty, money.text(closed.fee)) == (2, "0.44")
    assert (opened.qty, money.text(opened.fee)) == (3, "0.66")
    position.apply(held, -1, fill, time=7)
    assert (held.qty, money.text(held.cost), money.text(held.gross)) == (-3, "330", "20")
    assert (held.opened_at, held.cycle) == (7, 2)
    assert money.text(held.volume) == "750"


@pytest.mark.parametrize("side", [1, -1])
def test_a_flat_position_has_no_cost_left(side: int) -> None:
    held = Position()
    for qty, price in ((7, 101), (3, 103)):
        _fill(held, side, qty, price, rate=0)
    for qty, price in ((3, 107), (6, 109), (1, 102)):
        _fill(held, -side, qty, price, rate=0)
    paid, got = 7 * 101 + 3 * 103, 3 * 107 + 6 * 109 + 102
    assert (held.qty, held.cost, held.gross) == (0, 0, side * (got - paid) * money.UNIT)


def _fill(held: Position, side: int, qty: int, price: int, rate: int) -> None:
    notional = UNITS.notional(price, qty)
    position.apply(held, side, Part(qty, notional, money.fee(notional, rate)), time=1)
