"""What one currency is worth in another, by the marks of the pairs that are listed."""

from streams import money
from tables.account_tables import AccountTables
from tables.marks import is_current


def convert(
    tables: AccountTables, units: int, currency: str, into: str, clock_ns: int
) -> int | None:
    """Money units in another currency, rounded down; None where no current mark tells the rate."""
    if currency == into or not units:
        return units
    price2 = _price2(tables, currency, into, clock_ns)
    if price2:
        return units * price2 // (2 * money.UNIT)
    price2 = _price2(tables, into, currency, clock_ns)
    return units * 2 * money.UNIT // price2 if price2 else None


def _price2(tables: AccountTables, base: str, quote: str, clock_ns: int) -> int:
    """Twice the price of one base unit in money units; 0 = unknown."""
    symbol = tables.guards.pairs.of(base, quote)
    mark = None if symbol is None else tables.marks.get(symbol)
    if symbol is None or mark is None or not mark.mid2 > 0:
        return 0
    instrument = tables.instruments[symbol]
    return (
        mark.mid2 * instrument.tick_units if is_current(mark, clock_ns, instrument.stale_ms) else 0
    )
