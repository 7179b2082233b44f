"""Where control records become reference data of a cell; every group that needs instruments folds them here."""

from collections.abc import Iterable
from typing import Protocol

from agents.handler import Event, Output
from streams import control
from streams.codec import Undecodable
from streams.instruments import Instrument
from streams.state import Table
from tables.account_tables import AccountTables, Version

FIXED = ("base", "quote", "kind", "tick", "lot", "multiplier")
"""What an instrument can never change: every quantity and price that is open or on record counts in it."""


class HasInstruments(Protocol):
    """Tables of any group that trades or prices symbols."""

    @property
    def instruments(self) -> Table[Instrument]:
        """By symbol."""


def on_control(event: Event[control.Record | None], tables: HasInstruments) -> Iterable[Output]:
    """Keep the instruments of the symbol and strategist groups; nothing else on `control` concerns them."""
    record = checked(event)
    if isinstance(record, control.InstrumentRecord):
        fold_instrument(record, tables.instruments)
    return ()


def checked(event: Event[control.Record | None]) -> control.Record | None:
    """The record, once it stands under its own key; None for a tombstone, which lifts nothing."""
    record = event.message
    if record is None:
        return None
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


def fold_account(record: control.Account, offset: int, tables: AccountTables) -> None:
    """Take over an account; its kind and base currency stay, since its books are kept in them.

    Another mode is a new epoch: what was decided under the old one is neither repeated nor done again.
    """
    old = tables.profiles.get(record.account)
    if old is not None and (old.type, old.base_currency) != (record.type, record.base_currency):
        raise Undecodable("CONTROL_INVALID", f"{record.account}: type, base_currency are fixed")
    tables.profiles.put(record.account, record)
    key = control.key(record)
    epoch = tables.mode_epoch(record.account)
    changed = old is not None and old.mode != record.mode
    tables.versions.put(key, Version(offset, epoch + changed))
