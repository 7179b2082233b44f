"""Where control records become reference data of a cell; every group that needs instruments folds them here."""

from collections.abc import Iterable
from typing import Protocol

from agents.handler import Event, Output
from streams import control
from streams.codec import Undecodable
from streams.instruments import Instrument
from streams.modes import Simulation
from streams.state import Table
from tables import fees
from tables.account_tables import AccountTables, Unreadable, Version

FIXED = ("base", "quote", "kind", "tick", "lot", "multiplier")
"""What an instrument can never change: every quantity and price that is open or on record counts in it."""


class HasInstruments(Protocol):
    """Tables of any group that trades or prices symbols."""

    @property
    def instruments(self) -> Table[Instrument]:
        """By symbol."""


def on_control(event: Event[control.Read | None], tables: HasInstruments) -> Iterable[Output]:
    """Keep the instruments of the symbol and strategist groups; nothing else on `control` concerns them."""
    record = checked(event)
    if isinstance(record, control.InstrumentRecord):
        fold_instrument(record, tables.instruments)
    return ()


def checked(event: Event[control.Read | None]) -> control.Record | None:
    """The record, once it stands under its own key; None for a tombstone, which lifts nothing.

    Raises `Undecodable` for one that cannot be read, or that stands under another's key.
    """
    record = event.message
    if record is None:
        return None
    if isinstance(record, control.Unreadable):
        raise Undecodable(record.reason, record.detail)
    if event.key != control.key(record).encode():
        raise Undecodable("CONTROL_INVALID", f"key is not {control.key(record)}")
    return record


def fold_instrument(record: control.InstrumentRecord, instruments: Table[Instrument]) -> None:
    """Take over an instrument; raises `Undecodable` for one that changes what is fixed, in every cell alike."""
    new, old = record.instrument, instruments.get(record.instrument.symbol)
    if old is not None:
        changed = [name for name in FIXED if getattr(old, name) != getattr(new, name)]
        if changed:
            raise Undecodable("CONTROL_INVALID", f"{new.symbol}: {', '.join(changed)} is fixed")
    instruments.put(new.symbol, new)


def understood(event: Event[control.Read | None], tables: AccountTables) -> control.Record | None:
    """As `checked`; what cannot be understood closes the scope of its key for entries until a good record comes."""
    key = (event.key or b"").decode(errors="replace")
    try:
        return checked(event)
    except Undecodable as error:
        scope = control.scope(key)
        if scope:
            tables.unreadable.put(key, Unreadable(scope, event.offset, error.detail))
        raise


def in_force(record: control.Record, offset: int, tables: AccountTables) -> None:
    """Remember the record in force under its key; it mends an unreadable one."""
    key = control.key(record)
    if key in tables.unreadable_keys.present:
        tables.unreadable.delete(key)
    if not isinstance(record, control.Cash | control.Review):
        tables.versions.put(key, Version(offset, _epoch(key, tables)))


def fold_account(
    record: control.Account, offset: int, tables: AccountTables, simulation: Simulation
) -> None:
    """Take over an account; its kind and base currency stay, since its books are kept in them.

    Another mode is a new epoch: what was decided under the old one is neither repeated nor done again. In production
    the mode stays too.
    """
    old = tables.profiles.get(record.account)
    if old is not None and (old.type, old.base_currency) != (record.type, record.base_currency):
        raise Undecodable("CONTROL_INVALID", f"{record.account}: type, base_currency are fixed")
    is_other_mode = old is not None and old.mode != record.mode
    if is_other_mode and simulation.fixes_modes:
        raise Undecodable("CONTROL_INVALID", f"{record.account}: in production the mode is fixed")
    tables.profiles.put(record.account, record)
    key = control.key(record)
    tables.versions.put(key, Version(offset, _epoch(key, tables) + is_other_mode))


def fold_fees(record: control.Fees, tables: AccountTables) -> None:
    """Take over a fee schedule; a large change of the one in force has to be meant."""
    if not record.confirm and fees.needs_confirm(record, tables):
        raise Undecodable(
            "CONTROL_INVALID", f"fees {record.name}: a change of 2 bp or more needs confirm"
        )
    tables.schedules.put(record.name, record)


def _epoch(key: str, tables: AccountTables) -> int:
    version = tables.versions.get(key)
    return 0 if version is None else version.mode_epoch
