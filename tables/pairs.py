"""Indexes of the instruments by currency: which symbol tells a rate, and which one a peg."""

from collections.abc import Hashable

from streams.instruments import Instrument


class _Names:
    """What the symbols of a table stand for; of several that stand for one thing the first by name counts.

    Nothing depends on the order of changes: after a restart the answers are the same.
    """

    def __init__(self) -> None:
        self._symbols: dict[Hashable, set[str]] = {}

    def move(self, symbol: str, old: Hashable | None, new: Hashable | None) -> None:
        """A symbol stands for something else; None: for nothing."""
        if old is not None and (symbols := self._symbols.get(old)) is not None:
            symbols.discard(symbol)
            if not symbols:
                del self._symbols[old]
        if new is not None:
            self._symbols.setdefault(new, set()).add(symbol)

    def clear(self) -> None:
        """Forget everything."""
        self._symbols.clear()

    def of(self, what: Hashable) -> str | None:
        """The symbol that stands for it."""
        symbols = self._symbols.get(what)
        return min(symbols) if symbols else None


class Pairs:
    """Index of a cell's spot instruments by (base, quote), kept by the `instruments` table."""

    def __init__(self) -> None:
        self._names = _Names()

    def change(self, key: str, old: Instrument | None, new: Instrument | None) -> None:
        """Follow one change of the table."""
        self._names.move(key, _pair(old), _pair(new))

    def clear(self) -> None:
        """Forget everything."""
        self._names.clear()

    def of(self, base: str, quote: str) -> str | None:
        """The symbol that prices `base` in `quote`."""
        return self._names.of((base, quote))


class Pegs:
    """Index of a cell's instruments: the symbol that shows the peg of a currency."""

    def __init__(self) -> None:
        self._names = _Names()

    def change(self, key: str, old: Instrument | None, new: Instrument | None) -> None:
        """Follow one change of the table."""
        self._names.move(key, _pegged(old), _pegged(new))

    def clear(self) -> None:
        """Forget everything."""
        self._names.clear()

    def of(self, currency: str) -> str | None:
        """None for a currency without a peg."""
        return self._names.of(currency)


def _pair(instrument: Instrument | None) -> tuple[str, str] | None:
    if instrument is None or instrument.kind != "spot":
        return None
    return instrument.base, instrument.quote


def _pegged(instrument: Instrument | None) -> str | None:
    return None if instrument is None or not instrument.peg_units else instrument.base
