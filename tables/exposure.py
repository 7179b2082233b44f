"""What an account could lose or own at worst: its positions and open orders at the marks."""

from typing import NamedTuple

from streams.ids import Ref
from streams.instruments import Instrument
from tables.account_tables import AccountTables
from tables.orders import OpenLots, pair
from tables.position import Position

MarkUsed = tuple[str, Ref, int]


class Exposure(NamedTuple):
    """Amounts in money units of the base currency; unpriced, foreign: the first symbol that could not be counted.

    value: sum of qty x mark. held: sum of |qty| x mark. gross: as held, with each open order that makes it larger.
    marks: what was consulted, as (symbol, cause, mid2).
    """

    value: int
    held: int
    gross: int
    unpriced: str
    foreign: str
    marks: tuple[MarkUsed, ...]


def of(tables: AccountTables, account: str, currency: str, extra: dict[str, OpenLots]) -> Exposure:
    """Exposure of an account. extra: open lots of a symbol as they would be with one more order."""
    value = held = gross = 0
    unpriced = foreign = ""
    marks: list[MarkUsed] = []
    row = tables.holdings.get(account)
    symbols = row.symbols if row else ()
    for symbol in dict.fromkeys((*symbols, *extra)):
        key = pair(account, symbol)
        qty = (tables.positions.get(key) or Position()).qty
        worst = (extra.get(symbol) or tables.open_lots.get(key) or OpenLots()).worst(qty)
        if not qty and not worst:
            continue
        mark, instrument = tables.marks.get(symbol), tables.instruments[symbol]
        if instrument.quote != currency:
            foreign = foreign or symbol
        if mark is None or not mark.mid2 > 0:
            unpriced = unpriced or symbol
            continue
        marks.append((symbol, mark.cause, mark.mid2))
        value += _worth(instrument, mark.mid2, qty)
        held += _worth(instrument, mark.mid2, abs(qty))
        gross += _worth(instrument, mark.mid2, worst)
    return Exposure(value, held, gross, unpriced, foreign, tuple(marks))


def margin_available(unreserved: int, exposed: Exposure) -> int:
    """Equity less the margin in use (initial margin 1) and what open orders hold. unreserved: cash - reserved."""
    return unreserved + exposed.value - exposed.held


def _worth(instrument: Instrument, mid2: int, qty: int) -> int:
    """Money of `qty` lots at a mid in half ticks; exact, since one tick of one lot is an even number of units."""
    return instrument.notional(mid2, qty) // 2
