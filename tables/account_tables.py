"""All tables of one cell of the `account` route group; one writer, so no two orders see the same cash."""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from streams import control
from streams.ids import Ref
from streams.instruments import Instrument
from streams.state import Table
from tables.account import Balance, Lots, Movement, Totals
from tables.guard_tables import GuardTables
from tables.marks import View
from tables.orders import Exit, LiveOrder, OpenLots, OpenOrders, Spent
from tables.position import Position
from tables.profiles import Profile
from tables.window import Keys, OldestFirst

R = TypeVar("R")
THIS_CELL = "cell"
"""The only key of the `cell` table."""


class Cell(msgspec.Struct):
    """What a cell knows about its own progress.

    control_offset: of the last control record applied; fills_offset: of the last fill. repeated_fills: fills that came
    twice and had no effect, must stay 0. horizon: the newest created_at (ns) of an id that has been forgotten.
    late_verdicts: reviews of an order that waits for none.
    """

    control_offset: int = -1
    fills_offset: int = -1
    repeated_fills: int = 0
    horizon: int = 0
    late_verdicts: int = 0


class Version(msgspec.Struct, frozen=True):
    """The control record in force under one key. offset: on `control`; mode_epoch: changes of an account's mode."""

    offset: int
    mode_epoch: int = 0


class Volume(msgspec.Struct):
    """Traded notional of an account by UTC day of event time (days since 1970), in money units."""

    days: dict[int, int] = {}


class Unreadable(msgspec.Struct, frozen=True):
    """A control record under some key that could not be understood; until a good one comes, its scope is closed.

    scope: as of the kill switch, or `fees:NAME`. offset: on `control`.
    """

    scope: str
    offset: int
    error: str


class Release(msgspec.Struct, frozen=True):
    """Somebody has asked to release a kill switch, where that takes two. asked_at: ns of event time."""

    issuer: str
    asked_at: int


class Review(msgspec.Struct, frozen=True):
    """An order that waits for a verdict. command: as sent; qty: lots, as resolved. deadline: ns of event time."""

    command: str
    command_ref: Ref
    qty: int
    deadline: int


class Holdings(msgspec.Struct, frozen=True):
    """The symbols of an account that ever had a position or an open order, in order of first use."""

    symbols: tuple[str, ...] = ()


class FillRecord(msgspec.Struct, frozen=True):
    """A fill_id that has been applied, at this offset of `fills`."""

    offset: int


class AccountTables:
    """The tables of one account partition. partition: the cell's own, since broadcast records do not tell it."""

    def __init__(self, partition: int) -> None:
        self.partition = partition
        self.guards = GuardTables()
        indexes = (self.guards.pairs, self.guards.pegs)
        self.instruments = Table("instruments", Instrument, indexes)
        self.profiles = Table("profiles", control.Account)
        self.limits = Table("limits", Profile)
        self.versions = Table("versions", Version)
        self.schedules = Table("schedules", control.Fees)
        self.volumes = Table("volumes", Volume)
        self.unreadable_keys = Keys()
        self.unreadable = Table("unreadable", Unreadable, (self.unreadable_keys,))
        self.kill_scopes = Keys()
        self.kills = Table("kills", control.Kill, (self.kill_scopes,))
        self.releases = Table("releases", Release)
        self.movements = Table("movements", Movement)
        self.marks = Table("marks", View)
        self.balances = Table("balances", Balance)
        self.totals = Table("totals", Totals)
        self.lots = Table("lots", Lots)
        self.positions = Table("positions", Position, (self.guards.holders,))
        self.holdings = Table("holdings", Holdings)
        self.open_lots = Table("open_lots", OpenLots)
        self.open_orders = OpenOrders()
        self.unanswered = OldestFirst[LiveOrder](lambda order: order.unanswered_since)
        self.orders = Table("orders", LiveOrder, (self.open_orders, self.unanswered))
        self.exits = Table("exits", Exit, (self.guards.busy,))
        self.reviews_by_deadline = OldestFirst[Review](lambda review: review.deadline)
        self.reviews = Table("reviews", Review, (self.reviews_by_deadline,))
        self.spent_by_age = OldestFirst[Spent](
            lambda spent: None if spent.is_live else spent.offset
        )
        self.spent = Table("spent", Spent, (self.spent_by_age,))
        self.fills_by_age = OldestFirst[FillRecord](lambda fill: fill.offset)
        self.fills = Table("fills", FillRecord, (self.fills_by_age,))
        self.cell = Table("cell", Cell)

    def all(self) -> tuple[Table[Any], ...]:
        """Every table of the cell, for restore, changelog and publication."""
        return (
            self.instruments,
            self.profiles,
            self.limits,
            self.versions,
            self.schedules,
            self.volumes,
            self.unreadable,
            self.kills,
            self.releases,
            self.movements,
            self.marks,
            self.balances,
            self.totals,
            self.lots,
            self.positions,
            self.holdings,
            self.open_lots,
            self.orders,
            self.exits,
            self.reviews,
            self.spent,
            self.fills,
            *self.guards.all(),
            self.cell,
        )

    def edit_cell(self) -> Cell:
        """The cell's own row, to change in place."""
        return edit(self.cell, THIS_CELL, Cell)

    def version(self, key: str) -> int:
        """The offset of the control record in force under its key, as `limits:a`; -1 = none."""
        version = self.versions.get(key)
        return -1 if version is None else version.offset

    def mode_epoch(self, account: str) -> int:
        """How often the account's mode has changed."""
        version = self.versions.get(f"account:{account}")
        return 0 if version is None else version.mode_epoch

    def hold(self, account: str, symbol: str) -> None:
        """Remember that an account has to do with a symbol."""
        held = self.holdings.get(account) or Holdings()
        if symbol not in held.symbols:
            self.holdings.put(account, Holdings((*held.symbols, symbol)))


def edit(table: Table[R], key: str, empty: Callable[[], R]) -> R:
    """The row to change in place; an empty one where there is none yet."""
    row = table.edit(key)
    if row is None:
        row = empty()
        table.put(key, row)
    return row
