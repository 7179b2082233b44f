"""The books of an account: each equation that must hold, broken by one unit, is named and stops the process."""

from typing import Any

import msgspec
import pytest

from tables.account import Balance, Lots, Totals
from tables.lifecycle import BrokenInvariant

BALANCE = Balance(cash=93, reserved=0, deposits=100, cost=8, gross=3, fees=2)
TOTALS = Totals(accounts=93, house=5, fees=2, deposits=100)
LOTS = Lots(positions=7, house=-7)


def test_books_that_add_up_pass() -> None:
    for books in (BALANCE, TOTALS, LOTS, Balance(), Totals(), Lots()):
        books.check()


@pytest.mark.parametrize("field", ["cash", "deposits", "cost", "gross", "fees"])
@pytest.mark.parametrize("by", [-1, 1])
def test_cash_that_its_positions_do_not_explain(field: str, by: int) -> None:
    broken = moved(BALANCE, field, by)
    with pytest.raises(BrokenInvariant, match=r"cash and positions disagree: Balance\(cash="):
        broken.check()


def test_more_released_than_reserved() -> None:
    moved(BALANCE, "reserved", 1).check()
    with pytest.raises(BrokenInvariant, match=r"more released than reserved: Balance\("):
        moved(BALANCE, "reserved", -1).check()


@pytest.mark.parametrize("field", ["accounts", "house", "fees", "deposits"])
@pytest.mark.parametrize("by", [-1, 1])
def test_money_made_or_lost(field: str, by: int) -> None:
    with pytest.raises(BrokenInvariant, match=r"money is not conserved: Totals\(accounts="):
        moved(TOTALS, field, by).check()


@pytest.mark.parametrize("field", ["positions", "house"])
@pytest.mark.parametrize("by", [-1, 1])
def test_lots_that_nobody_owes(field: str, by: int) -> None:
    with pytest.raises(BrokenInvariant, match=r"lots are not conserved: Lots\(positions="):
        moved(LOTS, field, by).check()


def test_what_is_available_and_what_the_wallet_holds() -> None:
    row = Balance(cash=10, reserved=3, cost=-4)
    assert (row.available, row.wallet) == (7, 6)


def moved(books: Any, field: str, by: int) -> Any:
    return msgspec.structs.replace(books, **{field: getattr(books, field) + by})
