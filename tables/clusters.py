"""Which symbols move as one: joined transitively by the correlation of their hourly returns."""

from collections.abc import Iterable

from tables.account_tables import AccountTables
from tables.bars import NO_BARS
from tables.profiles import Profile


def joined(symbol: str, symbols: Iterable[str], tables: AccountTables, limits: Profile) -> set[str]:
    """The symbols that hang together with one, itself included; what cannot be told apart does."""
    rest, cluster, edge = set(symbols) - {symbol}, {symbol}, [symbol]
    while edge:
        one = edge.pop()
        near = {other for other in rest if _move_as_one(one, other, tables, limits)}
        rest -= near
        cluster |= near
        edge += sorted(near)
    return cluster


def _move_as_one(one: str, other: str, tables: AccountTables, limits: Profile) -> bool:
    first, second = min(one, other), max(one, other)
    bars = tables.guards.bars
    rows = (bars.get(first) or NO_BARS, bars.get(second) or NO_BARS)
    squared = tables.guards.simulation.squared(first, second, rows, limits.bars)
    return squared is None or squared >= limits.correlation_bps**2
