"""Where fills and deposits become money: positions, cash, fees and their mirror, proved after every record."""

import copy
from collections.abc import Callable, Iterable

from agents import equity, reference
from agents.handler import Event, Output
from streams import control, money, topics
from streams.codec import Undecodable
from streams.instruments import Instrument
from streams.messages import Fill, Mark
from streams.messages import Position as PositionRecord
from tables import exposure, fees, latches, open_orders, position, rates
from tables.account import Balance, Lots, Movement, Totals
from tables.account_tables import AccountTables, FillRecord, edit
from tables.guard_tables import Funded
from tables.lifecycle import BrokenInvariant
from tables.orders import pair
from tables.position import Part, Position

FILLS_REMEMBERED = 100_000
"""Fill ids that a cell knows again; a fill that comes twice is a fault close by, not a week later."""


class Ledger:
    """Handlers of the account group. partition_of: account -> its partition."""

    def __init__(self, partition_of: Callable[[str], int]) -> None:
        self._partition_of = partition_of

    def on_fill(self, event: Event[Fill], tables: AccountTables) -> Iterable[Output]:
        """Book one execution; one that is known already has no effect."""
        fill = event.message
        cell = tables.edit_cell()
        if event.offset <= cell.fills_offset or fill.fill_id in tables.fills:
            cell.repeated_fills += 1
            return ()
        cell.fills_offset = event.offset
        _remember(tables, fill.fill_id, event.offset)
        instrument = tables.instruments[fill.symbol]
        part = _checked_part(fill, instrument)
        if "/" not in fill.order_id:  # a bracket's exits only reduce, so they reserve nothing
            open_orders.fill(tables, fill.order_id, part.qty, instrument.price_ticks(fill.price))
        fees.book(tables, fill.account, part.notional, fill.time)
        return [_book(fill, part, instrument, tables, event.clock_ns)]

    def on_mark(self, event: Event[Mark], tables: AccountTables) -> Iterable[Output]:
        """Tell what each account that holds the symbol is worth, once a minute of event time."""
        accounts = tables.guards.holders.of(event.message.symbol)
        return equity.records(accounts, tables, event.clock_ns) if accounts else ()

    def on_control(
        self, event: Event[control.Read | None], tables: AccountTables
    ) -> Iterable[Output]:
        """Book a deposit or a withdrawal, once by its id."""
        record = reference.checked(event)
        if not isinstance(record, control.Cash):
            return ()
        if self._partition_of(record.account) != tables.partition:
            return ()
        key = pair(record.account, record.id)
        if key in tables.movements:
            raise Undecodable("CONTROL_REPLAYED", f"cash {record.id} has been booked")
        amount = money.parse(record.amount)
        if amount < 0 and not -amount <= _available(record, tables, event.clock_ns):
            raise Undecodable("INSUFFICIENT_CASH", f"{record.amount} is more than available")
        tables.movements.put(key, Movement(record.amount, event.offset))
        return [_deposit(record, amount, event.clock_ns, tables)]


def _remember(tables: AccountTables, fill_id: str, offset: int) -> None:
    tables.fills.put(fill_id, FillRecord(offset))
    if len(tables.fills_by_age) > FILLS_REMEMBERED:
        oldest = tables.fills_by_age.oldest()
        assert oldest is not None, "a memory that is full has an oldest entry"
        tables.fills.delete(oldest)


def _checked_part(fill: Fill, instrument: Instrument) -> Part:
    """A fill in lots and money; its own figures must follow from its price, quantity and rate."""
    qty = instrument.qty_lots(fill.qty)
    notional = instrument.notional(instrument.price_ticks(fill.price), qty)
    fee = money.fee(notional, fill.fee_rate)
    if not qty > 0 or (notional, fee) != (money.parse(fill.notional), money.parse(fill.fee)):
        raise BrokenInvariant(f"fill {fill.fill_id}: notional or fee does not follow from it")
    return Part(qty, notional, fee)


def _book(
    fill: Fill, part: Part, instrument: Instrument, tables: AccountTables, clock_ns: int
) -> Output:
    """Move lots and money between the account and the house, prove that none was made or lost, and say so."""
    side = 1 if fill.side == "buy" else -1
    key = pair(fill.account, fill.symbol)
    held_before = tables.positions.get(key) or Position()
    held = copy.copy(held_before)
    balance = edit(tables.balances, pair(fill.account, instrument.quote), Balance)
    totals = edit(tables.totals, instrument.quote, Totals)
    lots = edit(tables.lots, fill.symbol, Lots)
    cash_before = balance.cash
    position.apply(held, side, part, fill.time)
    held.fill_id = fill.fill_id
    tables.positions.put(key, held)
    balance.cash -= side * part.notional + part.fee
    balance.cost += held.signed_cost - held_before.signed_cost
    balance.gross += held.gross - held_before.gross
    balance.fees += held.fees - held_before.fees
    totals.accounts += balance.cash - cash_before
    totals.house += side * part.notional
    totals.fees += part.fee
    lots.positions += held.qty - held_before.qty
    lots.house -= side * part.qty
    tables.hold(fill.account, fill.symbol)
    for books in (balance, totals, lots):
        books.check()
    _check_cash_account(fill.account, held, balance, tables)
    realised = held.gross - held_before.gross
    return _record(fill, held, balance, instrument, realised, tables, clock_ns)


def _check_cash_account(
    account: str, held: Position, balance: Balance, tables: AccountTables
) -> None:
    """What a cash account spends was reserved, and what it sells was held."""
    profile = tables.profiles.get(account)
    if profile is None or profile.type != "cash":
        return
    if balance.available < 0 or held.qty < 0:
        raise BrokenInvariant(f"cash account {account} owes: {balance}, {held.qty} lots")


def _record(
    fill: Fill,
    held: Position,
    balance: Balance,
    instrument: Instrument,
    realised: int,
    tables: AccountTables,
    clock_ns: int,
) -> Output:
    worth, exposed = equity.texts(fill.account, tables, clock_ns)
    record = PositionRecord(
        account=fill.account,
        symbol=fill.symbol,
        qty=instrument.qty_text(held.qty),
        average_price=position.average_price(held, instrument),
        cost=money.text(held.cost),
        gross=money.text(held.gross),
        fees=money.text(held.fees),
        net=money.text(held.net),
        cash=money.text(balance.cash),
        reserved=money.text(balance.reserved),
        time=fill.time,
        fill_id=fill.fill_id,
        realised=money.text(realised),
        currency=instrument.quote,
        equity=worth,
        exposure=exposed,
        open_orders=len(tables.open_orders.of(fill.account)),
    )
    return Output(topics.POSITIONS, fill.account, record)


def _available(record: control.Cash, tables: AccountTables, clock_ns: int) -> int:
    """What may be withdrawn; nothing where the worth of a margin account is unknown."""
    unreserved = (tables.balances.get(pair(record.account, record.currency)) or Balance()).available
    profile = tables.profiles.get(record.account)
    if profile is None or profile.type == "cash":
        return unreserved
    found = exposure.of(tables, record.account, profile.base_currency, clock_ns=clock_ns)
    if not found.is_known:
        return 0
    free = exposure.margin_available(found)
    converted = rates.convert(tables, free, profile.base_currency, record.currency, clock_ns)
    return min(unreserved, converted or 0) if converted is not None else 0


def _deposit(record: control.Cash, amount: int, time: int, tables: AccountTables) -> Output:
    balance = edit(tables.balances, pair(record.account, record.currency), Balance)
    totals = edit(tables.totals, record.currency, Totals)
    balance.cash += amount
    balance.deposits += amount
    totals.accounts += amount
    totals.deposits += amount
    balance.check()
    totals.check()
    funded = tables.guards.funded.get(record.account) or Funded()
    if record.currency not in funded.currencies:
        currencies = (*funded.currencies, record.currency)
        tables.guards.funded.put(record.account, Funded(currencies))
    latches.moved(tables, record.account, record.currency, amount, time)
    return equity.record(record.account, record.currency, balance, tables, time)
