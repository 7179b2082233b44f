"""Who holds a symbol: an index of the `positions` table, so that a mark finds the accounts that it moves."""

from tables.orders import ACCOUNT_SEPARATOR
from tables.position import Position


class Holders:
    """Index of a cell's accounts with a position, by symbol."""

    def __init__(self) -> None:
        self._accounts: dict[str, dict[str, None]] = {}

    def change(self, key: str, old: Position | None, new: Position | None) -> None:
        """Follow one change of the table."""
        account, _, symbol = key.partition(ACCOUNT_SEPARATOR)
        if new is not None and new.qty:
            self._accounts.setdefault(symbol, {})[account] = None
        elif (accounts := self._accounts.get(symbol)) is not None:
            accounts.pop(account, None)
            if not accounts:
                del self._accounts[symbol]

    def clear(self) -> None:
        """Forget everything."""
        self._accounts.clear()

    def of(self, symbol: str) -> tuple[str, ...]:
        """Accounts with a position in the symbol, in an order that is the same after a restart."""
        accounts = self._accounts.get(symbol)
        return () if accounts is None else tuple(sorted(accounts))
