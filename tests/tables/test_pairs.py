"""Which symbol tells a rate and which a peg: of what stands in the table, whatever came before."""

from collections.abc import Iterable
from itertools import permutations
from typing import Any

import pytest

from streams.instruments import Instrument
from streams.state import Table
from tables.pairs import Pairs, Pegs


def instrument(symbol: str, **changed: Any) -> Instrument:
    base = {"base": "USDT", "quote": "USD", "venue": "V", "tick": "0.0001", "lot": "0.01"}
    return Instrument.model_validate({"symbol": symbol, **base, **changed})


A, B = (instrument(f"USDT/USD.{venue}", peg="1") for venue in "AB")


class Known:
    """A table of instruments with both indexes."""

    def __init__(self, instruments: Iterable[Instrument] = ()) -> None:
        self.pairs, self.pegs = Pairs(), Pegs()
        self.table = Table("instruments", Instrument, (self.pairs, self.pegs))
        for each in instruments:
            self.table.put(each.symbol, each)

    def answers(self) -> tuple[str | None, str | None]:
        return self.pairs.of("USDT", "USD"), self.pegs.of("USDT")


@pytest.mark.parametrize("order", [*permutations((A, B, A))])
def test_of_several_listings_the_first_by_name_counts_in_whatever_order_they_come(
    order: tuple[Instrument, ...],
) -> None:
    assert Known(order).answers() == (A.symbol, A.symbol)


def test_what_a_symbol_stood_for_before_is_forgotten() -> None:
    known = Known((A, B))
    known.table.put(A.symbol, instrument(A.symbol, base="DAI", peg="1"))
    assert known.answers() == (B.symbol, B.symbol)
    assert known.pairs.of("DAI", "USD") == known.pegs.of("DAI") == A.symbol
    known.table.put(B.symbol, instrument(B.symbol, kind="linear_perp"))
    assert known.answers() == (None, None)


def test_a_chunk_that_is_given_up_leaves_no_trace() -> None:
    known = Known((B,))
    known.table.seal()
    known.table.publish()
    known.table.put(A.symbol, A)
    known.table.put(B.symbol, instrument(B.symbol, base="DAI"))
    known.table.discard()
    assert known.answers() == (B.symbol, B.symbol)
    assert known.pairs.of("DAI", "USD") is None
