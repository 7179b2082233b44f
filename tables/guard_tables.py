"""The tables of the account limits: one part of an account cell, beside its books and its orders."""

from typing import Any

import msgspec

from streams.state import Table
from tables.bars import Bars
from tables.busy import Busy
from tables.depeg import Peg
from tables.holders import Holders
from tables.pace import Pace
from tables.pairs import Pairs, Pegs
from tables.simulation import Simulation
from tables.watch import Watch


class Funded(msgspec.Struct, frozen=True):
    """The currencies that an account has been given from outside."""

    currencies: tuple[str, ...] = ()


class GuardTables:
    """Tables and indexes of the checks on accounts and portfolios."""

    def __init__(self) -> None:
        self.pairs = Pairs()
        self.pegs = Pegs()
        self.holders = Holders()
        self.busy = Busy()
        self.simulation = Simulation()
        self.watches = Table("watches", Watch)
        self.paces = Table("paces", Pace)
        self.funded = Table("funded", Funded)
        self.bars = Table("bars", Bars)
        self.peg_states = Table("pegs", Peg)

    def all(self) -> tuple[Table[Any], ...]:
        """Every table, once."""
        return (self.watches, self.paces, self.funded, self.bars, self.peg_states)
