"""What an account owns: cash and reservations by currency, beside the house and the fees that mirror it."""

import msgspec

from tables.lifecycle import BrokenInvariant


class Balance(msgspec.Struct):
    """One currency of one account; all in money units (10**-18).

    reserved: what its live orders may still take. cost: cost of its open positions, negative for shorts; gross and
    fees: what its fills have realised; deposits: what came from outside. They are kept beside cash only to prove it.
    """

    cash: int = 0
    reserved: int = 0
    deposits: int = 0
    cost: int = 0
    gross: int = 0
    fees: int = 0

    @property
    def available(self) -> int:
        """What a cash account can still spend or withdraw."""
        return self.cash - self.reserved

    @property
    def wallet(self) -> int:
        """Cash with every position valued at its cost; the base of a margin account's equity."""
        return self.cash + self.cost

    def check(self) -> None:
        """Cash moved by fills must equal what their positions say, to the last unit."""
        if self.wallet != self.deposits + self.gross - self.fees:
            raise BrokenInvariant(f"cash and positions disagree: {self}")
        if self.reserved < 0:
            raise BrokenInvariant(f"more released than reserved: {self}")


class Totals(msgspec.Struct):
    """One currency over all accounts of a cell, in money units; the house is the other side of every fill."""

    accounts: int = 0
    house: int = 0
    fees: int = 0
    deposits: int = 0

    def check(self) -> None:
        """Money is neither made nor lost."""
        if self.accounts + self.house + self.fees != self.deposits:
            raise BrokenInvariant(f"money is not conserved: {self}")


class Lots(msgspec.Struct):
    """One symbol over all accounts of a cell, in lots."""

    positions: int = 0
    house: int = 0

    def check(self) -> None:
        """Every lot that an account holds, the house owes."""
        if self.positions + self.house != 0:
            raise BrokenInvariant(f"lots are not conserved: {self}")


class Movement(msgspec.Struct, frozen=True):
    """A deposit or withdrawal that has been applied; its id is spent. offset: on `control`."""

    amount: str
    offset: int
