"""The risk gate: every check of a new order, in the order in which they decide."""

from collections.abc import Callable
from typing import NamedTuple

from streams import money
from streams.instruments import Instrument
from tables import (
    combinations,
    entry_checks,
    marks,
    order_checks,
    portfolio_checks,
    price_checks,
    reservation,
    sizing,
    watchdog,
)
from tables.account_tables import AccountTables
from tables.candidate import Candidate, Refusal
from tables.orders import pair

NOTIONAL_LIMIT = 10**15 * money.UNIT
"""No order is worth this much: sums stay within SQL's numeric(38,18)."""

Check = Callable[[Candidate, AccountTables], Refusal | None]


class Gate(NamedTuple):
    """One check, and whether it also holds for an order that can only reduce."""

    check: Check
    reducing: bool


def first_refusal(
    gates: tuple[Gate, ...], candidate: Candidate, tables: AccountTables
) -> Refusal | None:
    """The first check that refuses decides; the refusal of an oversized exit names what could be reduced."""
    is_reducing = candidate.is_reducing
    for check, holds_for_reducing in gates:
        if is_reducing and not holds_for_reducing:
            continue
        refusal = check(candidate, tables)
        if refusal is not None:
            return _with_reducible(refusal, candidate)
    return None


def _with_reducible(refusal: Refusal, candidate: Candidate) -> Refusal:
    if candidate.instrument is None or candidate.is_reducing or not candidate.opposes:
        return refusal
    reducible = candidate.instrument.qty_text(candidate.reducible)
    return Refusal(refusal.reason, f"{refusal.detail}; reducible_qty {reducible}".lstrip("; "))


def _symbol(candidate: Candidate, tables: AccountTables) -> Refusal | None:
    instrument = candidate.instrument
    if instrument is None:
        return Refusal("UNKNOWN_SYMBOL", candidate.command.symbol)
    closed = instrument.status == "delisted" or (
        instrument.status != "trading" and not candidate.is_reducing
    )
    return Refusal("SYMBOL_CLOSED", instrument.status) if closed else None


def _account(candidate: Candidate, tables: AccountTables) -> Refusal | None:
    return Refusal("UNKNOWN_ACCOUNT") if candidate.profile is None else None


def _numbers(candidate: Candidate, tables: AccountTables) -> Refusal | None:
    instrument, qty = candidate.instrument, candidate.qty
    if candidate.refused is not None or instrument is None or not qty:
        # No quantity: it is to be sized, or has none, which is another check's.
        return candidate.refused
    return quantity(candidate, instrument)


def quantity(candidate: Candidate, instrument: Instrument) -> Refusal | None:
    """Whether the order's quantity and worth are within what the instrument allows."""
    qty = candidate.qty
    closes = candidate.is_reducing and qty >= abs(candidate.position.qty)
    if not qty <= instrument.max_qty or not (qty >= instrument.min_qty or closes):
        return Refusal(
            "QTY_RANGE", f"lots {qty}, from {instrument.min_qty} to {instrument.max_qty}"
        )
    highest = max(reservation.worst_price(candidate), candidate.take_profit, candidate.stop_loss)
    if not instrument.notional(highest, qty) < NOTIONAL_LIMIT:
        return Refusal("NOTIONAL_OVERFLOW", money.text(instrument.notional(highest, qty)))
    return None


def _combination(candidate: Candidate, tables: AccountTables) -> Refusal | None:
    refusal = combinations.refusal(candidate.command)
    if refusal is not None:
        return refusal
    if candidate.expire_at and not candidate.expire_at > candidate.clock:
        late_ms = (candidate.clock - candidate.expire_at) // marks.MS
        return Refusal("ALREADY_EXPIRED", f"by {late_ms} ms")
    return _parent(candidate, tables)


def _parent(candidate: Candidate, tables: AccountTables) -> Refusal | None:
    """An order that is armed by another one's fills names a live order of its account and symbol."""
    group, command = candidate.command.group, candidate.command
    if group is None or group.parent is None:
        return None
    spent = tables.spent.get(pair(command.account, group.parent))
    order = None if spent is None else tables.orders.get(spent.order_id)
    if order is None or not order.is_live:
        return Refusal("BAD_COMBINATION", f"group.parent {group.parent} is no live order")
    if order.symbol != command.symbol:
        return Refusal("BAD_COMBINATION", f"group.parent is of {order.symbol}")
    return None


def _bracket(candidate: Candidate, tables: AccountTables) -> Refusal | None:
    if candidate.command.bracket is None:
        return None
    if candidate.is_cash and candidate.side < 0:
        return Refusal("BRACKET_INVALID", "a sell of a cash account opens nothing to protect")
    side, entry2 = candidate.side, candidate.reference2
    stop2, target2 = 2 * candidate.stop_loss, 2 * candidate.take_profit  # 0: the stop trails
    below = entry2 == 0 or stop2 == 0 or side * (entry2 - stop2) > 0
    base2 = entry2 or stop2
    above = target2 == 0 or base2 == 0 or side * (target2 - base2) > 0
    if below and above:
        return None
    return Refusal(
        "BRACKET_INVALID",
        f"half ticks: stop {stop2}, entry {entry2}, target {target2}",
    )


def _simulated(candidate: Candidate, tables: AccountTables) -> Refusal | None:
    return None if candidate.mode else Refusal("SIM_REFUSED", candidate.refused_mode)


def _position(candidate: Candidate, tables: AccountTables) -> Refusal | None:
    if candidate.command.reduce_only and not candidate.opposes:
        return Refusal("NO_POSITION", "nothing to reduce")
    return None


def _killed(candidate: Candidate, tables: AccountTables) -> Refusal | None:
    if not tables.kill_scopes.present:
        return None
    command = candidate.command
    for scope in kill_scopes(command.account, command.symbol, command.strategy or ""):
        kill = tables.kills.get(scope)
        if kill is not None and kill.action == "kill":
            return Refusal("KILLED", f"{scope} seq {kill.seq}")
    return None


def kill_scopes(account: str, symbol: str, strategy: str) -> tuple[str, ...]:
    """The scopes of the kill switch that cover an order."""
    scopes = ("global", f"account:{account}", f"symbol:{symbol}")
    return (*scopes, f"strategy:{strategy}") if strategy else scopes


def _has_limits(candidate: Candidate, tables: AccountTables) -> Refusal | None:
    return Refusal("NO_LIMITS") if candidate.limits is None else None


def _enabled(candidate: Candidate, tables: AccountTables) -> Refusal | None:
    profile = candidate.profile
    return None if profile is not None and profile.enabled else Refusal("ACCOUNT_DISABLED")


def _understood(candidate: Candidate, tables: AccountTables) -> Refusal | None:
    """What a control record that nobody could read may have meant, nobody enters against."""
    if not tables.unreadable_keys.present:
        return None
    command, profile = candidate.command, candidate.profile
    scopes = kill_scopes(command.account, command.symbol, command.strategy or "")
    fees = "" if profile is None else f"fees:{profile.fees}"
    for key in sorted(tables.unreadable_keys.present):
        record = tables.unreadable[key]
        if record.scope in (*scopes, fees):
            return Refusal("CONTROL_INVALID", f"{key or 'a record without key'}@{record.offset}")
    return None


def _size(candidate: Candidate, tables: AccountTables) -> Refusal | None:
    """An order that leaves its size to risk gets it here, once all that it depends on is known."""
    asked, instrument = candidate.command.sizing, candidate.instrument
    if asked is None or candidate.qty or instrument is None:
        return None
    if not sizing.pays(money.parse(asked.edge_bps), candidate.rates[1]):
        return Refusal("NOTIONAL_MIN", f"sized to 0: edge_bps {asked.edge_bps} does not pay")
    account = sizing.Account(
        price_checks.with_order(candidate).nav,
        portfolio_checks.available(candidate),
        order_checks.largest(candidate),
    )
    volatility = None if asked.vol is None else money.parse(asked.vol)
    units = sizing.notional(account, asked.nav_bps, volatility)
    lot = instrument.notional(candidate.reference2, 1) // 2
    candidate.qty = sizing.lots(units, lot, instrument.min_notional_units)
    if not candidate.qty:
        return Refusal("NOTIONAL_MIN", f"sized to 0: {money.text(units)}")
    candidate.exposure = price_checks.expose(candidate, tables)
    return quantity(candidate, instrument)


def _watchdog(candidate: Candidate, tables: AccountTables) -> Refusal | None:
    if candidate.profile is None or candidate.profile.watchdog != "rules":
        return None
    score = watchdog.highest(candidate)
    candidate.watchdog = f"rules {score.permille}: {score.why}"
    return Refusal("WATCHDOG_VETO", candidate.watchdog) if score.permille >= watchdog.VETO else None


BEFORE_IDEMPOTENCY = (
    # 1: types, times and unknown fields are refused by the parser
    Gate(_symbol, reducing=True),  # 2
    Gate(_account, reducing=True),  # 3
    Gate(_numbers, reducing=True),  # 4
    Gate(_combination, reducing=True),  # 5
    Gate(_bracket, reducing=True),  # 5
)
"""Checks 1 to 5; check 6 is whether the id is spent."""

AFTER_IDEMPOTENCY = (
    Gate(_simulated, reducing=True),  # 7
    Gate(_position, reducing=True),  # 7
    Gate(_killed, reducing=False),  # 8
    Gate(_understood, reducing=False),  # 8
    Gate(_enabled, reducing=False),  # 8
    Gate(_has_limits, reducing=False),  # 8
    *(Gate(check, reducing=False) for check in entry_checks.PRICED),  # 9 to 12
    Gate(_size, reducing=False),  # a quantity, for the checks from here on
    *(Gate(check, reducing=False) for check in entry_checks.SIZED),  # 13 to 18
    Gate(_watchdog, reducing=False),  # 19
)
"""Checks 7 to 19, in the order in which they decide."""

ENTRY = tuple(gate for gate in AFTER_IDEMPOTENCY if not gate.reducing)
"""Checks 8 to 19, which an order passes again once its review is over."""
