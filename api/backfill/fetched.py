"""What a source gave for a chunk, and why it may be of no use, before anything is judged by the rules of bars."""

from collections.abc import Callable, Hashable, Iterable
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from streams.bars import Candle

Row = TypeVar("Row")


class Reference(msgspec.Struct, frozen=True):
    """A price at a moment. time: ns."""

    symbol: str
    time: int
    source: str
    price: Decimal | None
    market_cap: Decimal | None
    volume_24h: Decimal | None


class Fetched(msgspec.Struct, frozen=True):
    """All of a chunk. pages: SHA-256 of each answer. first_trade, last_trade: where bars are made of trades."""

    bars: tuple[Candle, ...]
    references: tuple[Reference, ...] = ()
    pages: tuple[str, ...] = ()
    first_trade: int | None = None
    last_trade: int | None = None


class Unfit(Exception):
    """The answers contradict each other, leave something out, or are not of the documented shape.

    expectation: what they break. rows: those in question, for whoever looks into it.
    """

    def __init__(self, expectation: str, observed: str, rows: Iterable[object] = ()) -> None:
        super().__init__(f"{expectation}: {observed}")
        self.expectation = expectation
        self.observed = observed
        self.rows = tuple(rows)


def merged(rows: Iterable[Row], key: Callable[[Row], Hashable]) -> dict[Any, Row]:
    """Rows of overlapping pages by their key: equal ones are one. Raises Unfit for unequal ones."""
    found: dict[Any, Row] = {}
    for row in rows:
        add(found, key(row), row)
    return found


def add(found: dict[Any, Row], key: Hashable, row: Row) -> None:
    """One more of them."""
    known = found.setdefault(key, row)
    if known != row:
        raise Unfit("conflict", f"{known} and {row}", (known, row))


def decimal(value: object) -> Decimal | None:
    """An exact number of JSON, or of a JSON string; None for null. Raises Unfit."""
    if value is None:
        return None
    if isinstance(value, Decimal):
        return value
    if isinstance(value, str | int) and not isinstance(value, bool):
        try:
            read = Decimal(value)
        except ArithmeticError as error:
            raise Unfit("shape", f"{value!r} is no number") from error
        if read.is_finite():
            return read
    raise Unfit("shape", f"{value!r} is no number")


def items(value: object, width: int) -> list[list[Any]]:
    """A list of lists of at least `width` values. Raises Unfit."""
    if not isinstance(value, list):
        raise Unfit("shape", f"{value!r:.80} is no list")
    for row in value:
        if not isinstance(row, list) or len(row) < width:
            raise Unfit("shape", f"{row!r:.80} is no row of {width}")
    return value
