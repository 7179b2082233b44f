"""What an account could lose or own at worst: its positions and open orders at the marks."""

from typing import NamedTuple

from streams.instruments import Instrument
from streams.messages import MarkUsed
from tables.account_tables import AccountTables
from tables.marks import age_ms
from tables.orders import OpenLots, pair
from tables.position import Position


class Exposure(NamedTuple):
    """Amounts in money units of the base currency; unpriced, foreign: the first symbol that could not be counted.

    value: sum of qty x mark. held: sum of |qty| x mark. gross: as held, with each open order that makes it larger;
    before: the same without `extra`.
    marks: what was consulted.
    """

    value: int
    held: int
    gross: int
    before: int
    unpriced: str
    foreign: str
    marks: tuple[MarkUsed, ...]


def of(
    tables: AccountTables,
    account: str,
    currency: str,
    extra: dict[str, OpenLots],
    clock_ns: int = 0,
) -> Exposure:
    """Exposure of an account. extra: open lots of a symbol as they would be with one more order."""
    value = held = gross = before = 0
    unpriced = foreign = ""
    marks: list[MarkUsed] = []
    row = tables.holdings.get(account)
    symbols = row.symbols if row else ()
    for symbol in dict.fromkeys((*symbols, *extra)):
        key = pair(account, symbol)
        qty = (tables.positions.get(key) or Position()).qty
        open_now = tables.open_lots.get(key) or OpenLots()
        worst_now = open_now.worst(qty)
        worst = extra[symbol].worst(qty) if symbol in extra else worst_now
        if not qty and not worst and not worst_now:
            continue
        mark, instrument = tables.marks.get(symbol), tables.instruments[symbol]
        if instrument.quote != currency:
            foreign = foreign or symbol
        if mark is None or not mark.mid2 > 0:
            unpriced = unpriced or symbol
            continue
        marks.append((symbol, mark.cause, mark.mid2, age_ms(mark, clock_ns)))
        value += _worth(instrument, mark.mid2, qty)
        held += _worth(instrument, mark.mid2, abs(qty))
        gross += _worth(instrument, mark.mid2, worst)
        before += _worth(instrument, mark.mid2, worst_now)
    return Exposure(value, held, gross, before, unpriced, foreign, tuple(marks))


def margin_available(unreserved: int, exposed: Exposure) -> int:
    """Equity less the margin in use (initial margin 1) and what open orders hold. unreserved: cash - reserved."""
    return unreserved + exposed.value - exposed.held


def _worth(instrument: Instrument, mid2: int, qty: int) -> int:
    """Money of `qty` lots at a mid in half ticks; exact, since one tick of one lot is an even number of units."""
    return instrument.notional(mid2, qty) // 2
