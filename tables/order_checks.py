"""Checks 13 to 15 of an entry: how many and how fast, how large, and what its stop would lose."""

from streams import money
from tables import pace, rates, reservation
from tables.account_tables import AccountTables
from tables.candidate import Candidate, Refusal
from tables.pace import Pace
from tables.price_checks import BPS, with_order


def rate(candidate: Candidate, tables: AccountTables) -> Refusal | None:
    """RATE_LIMIT: a token for each entry that comes this far, in event time."""
    limits, account = candidate.limits, candidate.command.account
    assert limits is not None, "NO_LIMITS comes first"
    row = tables.guards.paces.get(account) or Pace()
    after = pace.take(row, candidate.clock, limits.rate, limits.burst)
    if after is None:
        return Refusal("RATE_LIMIT", f"{limits.rate} a second, {limits.burst} at once")
    tables.guards.paces.put(account, after)
    return None


def open_orders(candidate: Candidate, tables: AccountTables) -> Refusal | None:
    """OPEN_ORDERS: of the account, and of one symbol."""
    limits = candidate.limits
    assert limits is not None, "NO_LIMITS comes first"
    if candidate.replaces is not None:
        return None  # it is open already
    live = tables.open_orders.of(candidate.command.account)
    if not len(live) < limits.open_orders_max:
        return Refusal("OPEN_ORDERS", f"{len(live)} open, at most {limits.open_orders_max}")
    if not len(live) < limits.symbol_open_orders_max:
        of_symbol = sum(symbol == candidate.command.symbol for symbol in live.values())
        if not of_symbol < limits.symbol_open_orders_max:
            most = limits.symbol_open_orders_max
            return Refusal("OPEN_ORDERS", f"{of_symbol} open of the symbol, at most {most}")
    return None


def strategy(candidate: Candidate, tables: AccountTables) -> Refusal | None:
    """STRATEGY_BUSY: a strategy has one open bracket in a symbol."""
    command = candidate.command
    if command.bracket is None or command.strategy is None:
        return None
    exit = tables.guards.busy.of(command.account, command.strategy, command.symbol)
    return None if exit is None else Refusal("STRATEGY_BUSY", f"{exit} is open")


def notional(candidate: Candidate, tables: AccountTables) -> Refusal | None:
    """NOTIONAL_MIN in the quote currency; NOTIONAL_MAX also by the limits of the account and its NAV."""
    instrument = candidate.instrument
    assert instrument is not None, "UNKNOWN_SYMBOL comes first"
    amount = reservation.notional(candidate, instrument)
    least, most = instrument.min_notional_units, instrument.max_notional_units
    if not amount >= least:
        return Refusal("NOTIONAL_MIN", f"{money.text(amount)} < {money.text(least)}")
    if amount <= most:
        amount, most = in_base(amount, candidate, tables), largest(candidate)
    if not amount <= most:
        return Refusal("NOTIONAL_MAX", f"{money.text(amount)} > {money.text(most)}")
    return None


def largest(candidate: Candidate) -> int:
    """Money units of the base currency of the largest order that the account may send in the symbol."""
    limits = candidate.limits
    assert limits is not None, "NO_LIMITS comes first"
    most = min(limits.order, with_order(candidate).nav * limits.order_bps // BPS)
    own = limits.symbols.get(candidate.command.symbol)
    return most if own is None or own.order is None else min(most, own.order)


def stop(candidate: Candidate, tables: AccountTables) -> Refusal | None:
    """NO_STOP where one is demanded; BRACKET_LOSS: what the stop would lose, fees of both fills included."""
    limits, bracket = candidate.limits, candidate.command.bracket
    assert limits is not None, "NO_LIMITS comes first"
    if bracket is None:
        return Refusal("NO_STOP", "a bracket is required") if limits.bracket_required else None
    loss = in_base(_loss_at_stop(candidate), candidate, tables)
    most = with_order(candidate).nav * limits.bracket_loss_bps // BPS
    if not loss <= most:
        return Refusal("BRACKET_LOSS", f"{money.text(loss)} > {money.text(most)}")
    return None


def _loss_at_stop(candidate: Candidate) -> int:
    """Money in the quote currency, from the worst entry to the stop price."""
    instrument, bracket = candidate.instrument, candidate.command.bracket
    assert instrument is not None and bracket is not None, "the caller has looked"
    entry = candidate.price or reservation.protection(candidate) or candidate.reference2 // 2
    distance = candidate.side * (entry - candidate.stop_loss)
    trail = bracket.stop_loss.trail
    if trail is not None:
        distance = trail.ticks or -(-entry * (trail.bps or 0) // BPS)
    rate = max(candidate.rates[1], 0)
    bought = instrument.notional(entry, candidate.lots)
    sold = instrument.notional(entry - candidate.side * distance, candidate.lots)
    fees = money.fee(bought, rate) + money.fee(sold, rate)
    return instrument.notional(distance, candidate.lots) + fees


def in_base(units: int, candidate: Candidate, tables: AccountTables) -> int:
    """Money of the quote currency in the account's own; NO_FX_RATE has come first."""
    instrument, profile = candidate.instrument, candidate.profile
    assert instrument is not None and profile is not None, "UNKNOWN_ACCOUNT comes first"
    found = rates.convert(tables, units, instrument.quote, profile.base_currency, candidate.clock)
    assert found is not None, "NO_FX_RATE comes first"
    return found


def count(tables: AccountTables, account: str, clock_ns: int) -> None:
    """Remember one more new order of an account, whatever becomes of it."""
    row = tables.guards.paces.get(account) or Pace()
    tables.guards.paces.put(account, pace.command(row, clock_ns))


def rejected(tables: AccountTables, account: str, clock_ns: int) -> None:
    """Remember that the broker has refused an order of an account."""
    row = tables.guards.paces.get(account) or Pace()
    tables.guards.paces.put(account, pace.reject(row, clock_ns))
