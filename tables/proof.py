"""What a chunk of the account side must add up to before it commits; a sum that does not stops the process.

The books are kept by updates; here the same amounts are counted again from the rows that have changed, as entries and
their counter-entries: every sum ends at zero.
"""

from collections import Counter

from tables.account import Balance, Lots, Totals
from tables.account_tables import AccountTables
from tables.lifecycle import BrokenInvariant
from tables.orders import ACCOUNT_SEPARATOR, LiveOrder, pair
from tables.position import Position


def prove(tables: AccountTables) -> None:
    """Cash against house and fees, lots against the house, reservations against live orders. Raises BrokenInvariant."""
    for what, sums in (
        ("cash", _cash(tables)),
        ("lots", _lots(tables)),
        ("reservations", _reservations(tables)),
    ):
        wrong = {key: rest for key, rest in sums.items() if rest}
        if wrong:
            raise BrokenInvariant(f"{what} do not add up: {wrong}")


def _cash(tables: AccountTables) -> Counter[str]:
    """By currency: what the accounts have more, less what their sum has more."""
    sums: Counter[str] = Counter()
    for key, old, new in tables.balances.changes():
        before, after = old or Balance(), new or Balance()
        after.check()
        sums[_name(key)] += after.cash - before.cash
    for currency, known, total in tables.totals.changes():
        had, has = known or Totals(), total or Totals()
        has.check()
        sums[currency] -= has.accounts - had.accounts
    return sums


def _lots(tables: AccountTables) -> Counter[str]:
    """By symbol: what the positions have more, less what their sum has more."""
    sums: Counter[str] = Counter()
    for key, old, new in tables.positions.changes():
        before, after = old or Position(), new or Position()
        sums[_name(key)] += after.qty - before.qty
    for symbol, known, total in tables.lots.changes():
        had, has = known or Lots(), total or Lots()
        has.check()
        sums[symbol] -= has.positions - had.positions
    return sums


def _reservations(tables: AccountTables) -> Counter[str]:
    """By account and currency: what is reserved more, less what live orders hold more."""
    sums: Counter[str] = Counter()
    for key, old, new in tables.balances.changes():
        sums[key] += (new or Balance()).reserved - (old or Balance()).reserved
    for _, was, order in tables.orders.changes():
        either = order or was
        if either is not None:
            currency = tables.instruments[either.symbol].quote
            sums[pair(either.account, currency)] -= _holds(order) - _holds(was)
    return sums


def _holds(order: LiveOrder | None) -> int:
    return 0 if order is None else order.reserved_lot * order.remaining


def _name(key: str) -> str:
    return key.partition(ACCOUNT_SEPARATOR)[2]
