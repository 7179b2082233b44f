"""Which strategies have an open bracket: an index of the exits that the account side knows."""

from tables.orders import Exit

Key = tuple[str, str, str]


class Busy:
    """Index of a cell's brackets by (account, strategy, symbol), kept by the `exits` table."""

    def __init__(self) -> None:
        self._exits: dict[Key, set[str]] = {}

    def change(self, key: str, old: Exit | None, new: Exit | None) -> None:
        """Follow one change of the table."""
        exit = new or old
        if exit is None or not exit.strategy:
            return
        of = (exit.account, exit.strategy, exit.symbol)
        if new is not None:
            self._exits.setdefault(of, set()).add(key)
        elif (exits := self._exits.get(of)) is not None:
            exits.discard(key)
            if not exits:
                del self._exits[of]

    def clear(self) -> None:
        """Forget everything."""
        self._exits.clear()

    def of(self, account: str, strategy: str, symbol: str) -> str | None:
        """An exit of the open bracket; None where there is none."""
        exits = self._exits.get((account, strategy, symbol))
        return min(exits) if exits else None
