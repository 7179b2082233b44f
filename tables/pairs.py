"""Indexes of the instruments by currency: which symbol tells a rate, and which one a peg."""

from streams.instruments import Instrument


class Pairs:
    """Index of a cell's spot instruments by (base, quote), kept by the `instruments` table."""

    def __init__(self) -> None:
        self._symbols: dict[tuple[str, str], str] = {}

    def change(self, key: str, old: Instrument | None, new: Instrument | None) -> None:
        """Follow one change of the table; of several listings of a pair the first by name counts."""
        if new is not None and new.kind == "spot":
            pair = (new.base, new.quote)
            self._symbols[pair] = min(key, self._symbols.get(pair, key))

    def clear(self) -> None:
        """Forget everything."""
        self._symbols.clear()

    def of(self, base: str, quote: str) -> str | None:
        """The symbol that prices `base` in `quote`."""
        return self._symbols.get((base, quote))


class Pegs:
    """Index of a cell's instruments: the symbol that shows the peg of a currency."""

    def __init__(self) -> None:
        self._symbols: dict[str, str] = {}

    def change(self, key: str, old: Instrument | None, new: Instrument | None) -> None:
        """Follow one change of the table."""
        if new is None:
            return
        if new.peg_units:
            self._symbols[new.base] = key
        elif self._symbols.get(new.base) == key:
            del self._symbols[new.base]

    def clear(self) -> None:
        """Forget everything."""
        self._symbols.clear()

    def of(self, currency: str) -> str | None:
        """None for a currency without a peg."""
        return self._symbols.get(currency)
