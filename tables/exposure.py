"""What an account is worth, and what it could lose or own at worst: cash, positions and open orders at the marks."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from streams import money
from streams.instruments import Instrument
from streams.messages import MarkUsed
from tables import rates
from tables.account import Balance
from tables.account_tables import AccountTables
from tables.marks import View, age_ms
from tables.orders import OpenLots, pair
from tables.position import Position


@dataclass(slots=True)
class Exposure:
    """Amounts in money units of the base currency; unpriced, foreign: the first symbol or currency not counted.

    cash, reserved: over all currencies; fees: paid so far by currency, in its own units. value: sum of qty x mark.
    held: sum of |qty| x mark; margin, maintenance: what a margin account has to hold for it. gross: as held, with each
    open order that makes it larger; before: the same without the order in question. worst: of each symbol, signed, as
    large as open orders can make it. marks: what was consulted.
    """

    cash: int = 0
    reserved: int = 0
    value: int = 0
    held: int = 0
    margin: int = 0
    maintenance: int = 0
    gross: int = 0
    before: int = 0
    worst: dict[str, int] = field(default_factory=dict)
    fees: dict[str, int] = field(default_factory=dict)
    unpriced: str = ""
    foreign: str = ""
    marks: tuple[MarkUsed, ...] = ()

    @property
    def nav(self) -> int:
        """Equity; to be read only where nothing is unpriced or foreign."""
        return self.cash + self.value

    @property
    def is_known(self) -> bool:
        """Everything has been counted."""
        return not self.unpriced and not self.foreign


NO_ORDER: dict[str, OpenLots] = {}


def of(
    tables: AccountTables,
    account: str,
    currency: str,
    extra: dict[str, OpenLots] = NO_ORDER,
    clock_ns: int = 0,
) -> Exposure:
    """Exposure of an account. extra: open lots of a symbol as they would be with one more order."""
    found = Exposure()
    row = tables.holdings.get(account)
    symbols = row.symbols if row else ()
    for symbol in dict.fromkeys((*symbols, *extra)):
        key = pair(account, symbol)
        qty = (tables.positions.get(key) or Position()).qty
        open_now = tables.open_lots.get(key) or OpenLots()
        after = _worst(extra.get(symbol, open_now), qty)
        before = open_now.worst(qty)
        if qty or after or before:
            _count(found, tables, (symbol, currency, clock_ns), (qty, after, before))
    _count_cash(found, tables, account, currency, clock_ns)
    return found


def worth(tables: AccountTables, account: str, currency: str, clock_ns: int) -> Exposure:
    """What an account is worth now: of `of` cash, value, margins and fees alone, since every order and fill asks."""
    found = Exposure()
    row = tables.holdings.get(account)
    for symbol in row.symbols if row else ():
        position = tables.positions.get(pair(account, symbol))
        if position is None or not position.qty:
            continue
        priced = _priced(found, tables, symbol, currency, clock_ns)
        if priced is not None:
            _hold(found, priced, position.qty)
    _count_cash(found, tables, account, currency, clock_ns)
    return found


def margin_available(found: Exposure) -> int:
    """Equity less the margin in use and what open orders hold."""
    return found.nav - found.margin - found.reserved


class _Priced(NamedTuple):
    """A symbol that can be counted. lot2: money units of the base currency of two lots; even."""

    mark: View
    instrument: Instrument
    lot2: int


def _priced(
    found: Exposure, tables: AccountTables, symbol: str, currency: str, clock_ns: int
) -> _Priced | None:
    """What a symbol is counted at; None, with a note of the symbol, where it cannot be."""
    mark, instrument = tables.marks.get(symbol), tables.instruments[symbol]
    if mark is None or not mark.mid2 > 0:
        found.unpriced = found.unpriced or symbol
        return None
    lot2 = instrument.notional(mark.mid2, 1)  # of half ticks, so twice the worth of a lot; even
    if instrument.quote == currency:
        return _Priced(mark, instrument, lot2)
    converted = rates.convert(tables, lot2, instrument.quote, currency, clock_ns)
    if converted is None:
        found.foreign = found.foreign or symbol
        return None
    return _Priced(mark, instrument, converted)


def _hold(found: Exposure, priced: _Priced, qty: int) -> None:
    """Add what is held of a symbol. qty: lots, signed."""
    _, instrument, lot2 = priced
    held = abs(qty) * lot2 // 2
    found.value += qty * lot2 // 2
    found.held += held
    found.margin += held * instrument.initial_margin_units // money.UNIT
    found.maintenance += held * instrument.maintenance_margin_units // money.UNIT


def _count(
    found: Exposure,
    tables: AccountTables,
    of_symbol: tuple[str, str, int],
    lots: tuple[int, int, int],
) -> None:
    """Add a symbol. lots: held, at worst with the order in question, at worst without it."""
    symbol, currency, clock_ns = of_symbol
    priced = _priced(found, tables, symbol, currency, clock_ns)
    if priced is None:
        return
    mark, _, lot2 = priced
    qty, after, before = lots
    _hold(found, priced, qty)
    used = MarkUsed(symbol, mark.cause, mark.mid2, age_ms(mark, clock_ns))
    found.marks = (*found.marks, used)
    found.gross += abs(after) * lot2 // 2
    found.before += before * lot2 // 2
    found.worst[symbol] = after * lot2 // 2


def _count_cash(
    found: Exposure, tables: AccountTables, account: str, currency: str, clock_ns: int
) -> None:
    for name in currencies(tables, account, currency):
        balance = tables.balances.get(pair(account, name))
        if balance is None:
            continue
        cash, reserved = _in(tables, balance, name, currency, clock_ns)
        if cash is None or reserved is None:
            found.foreign = found.foreign or name
            continue
        found.fees[name] = balance.fees
        found.cash += cash
        found.reserved += reserved


def _in(
    tables: AccountTables, balance: Balance, name: str, currency: str, clock_ns: int
) -> tuple[int | None, int | None]:
    """Cash and reservations of a balance in another currency."""
    if name == currency:
        return balance.cash, balance.reserved
    return (
        rates.convert(tables, balance.cash, name, currency, clock_ns),
        rates.convert(tables, balance.reserved, name, currency, clock_ns),
    )


def currencies(tables: AccountTables, account: str, currency: str) -> Iterable[str]:
    """The account's own currency, those that its symbols are quoted in, and those that came from outside."""
    found = {currency: None}
    row, funded = tables.holdings.get(account), tables.guards.funded.get(account)
    if row is not None:
        for symbol in row.symbols:
            found[tables.instruments[symbol].quote] = None
    if funded is not None:
        found |= dict.fromkeys(funded.currencies)
    return found


def _worst(open_lots: OpenLots, qty: int) -> int:
    """The largest position, signed, that a position of `qty` lots can become."""
    up, down = qty + open_lots.buys, qty - open_lots.sells
    return up if abs(up) >= abs(down) else down
