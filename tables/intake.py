"""Idempotency: which commands have been seen, in a bounded memory whose promise is not bounded."""

from tables.account_tables import THIS_CELL, AccountTables
from tables.orders import Spent

WINDOW_NS = 7 * 86_400 * 10**9
IDS_MAX = 1_000_000
FORGOTTEN_AT_ONCE = 2
"""Ids forgotten for each one learned, at most; the memory shrinks without a long pause."""


def horizon(tables: AccountTables, clock_ns: int) -> int:
    """A new command created (ns) at or before this may have been seen and forgotten, so it is refused as stale."""
    row = tables.cell.get(THIS_CELL)
    return max(clock_ns - WINDOW_NS, 0 if row is None else row.horizon)


def spend(tables: AccountTables, key: str, spent: Spent, clock_ns: int) -> None:
    """Remember what became of a command's id, for ever or until the horizon has passed it. key: account|id."""
    tables.spent.put(key, spent)
    for _ in range(FORGOTTEN_AT_ONCE):
        oldest = tables.spent_by_age.oldest()
        if oldest is None or not _may_go(tables, tables.spent[oldest], clock_ns):
            return
        cell = tables.edit_cell()
        cell.horizon = max(cell.horizon, tables.spent[oldest].created_at)
        tables.spent.delete(oldest)


def _may_go(tables: AccountTables, oldest: Spent, clock_ns: int) -> bool:
    return (
        len(tables.spent_by_age) > IDS_MAX
        or max(oldest.seen_at, oldest.created_at) <= clock_ns - WINDOW_NS
    )
