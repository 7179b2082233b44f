"""The risk gate: every check of a new order, in the order in which they decide."""

import copy
from collections.abc import Callable
from typing import NamedTuple

from streams import money
from tables import exposure, marks, reservation
from tables.account_tables import AccountTables
from tables.candidate import Candidate, Refusal
from tables.exposure import Exposure

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
    for gate in gates:
        if candidate.is_reducing and not gate.reducing:
            continue
        refusal = gate.check(candidate, tables)
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
    if candidate.refused is not None or instrument is None:
        return candidate.refused
    closes = candidate.is_reducing and qty >= abs(candidate.position.qty)
    if not qty <= instrument.max_qty or not (qty >= instrument.min_qty or closes):
        return Refusal(
            "QTY_RANGE", f"lots {qty}, from {instrument.min_qty} to {instrument.max_qty}"
        )
    highest = max(reservation.worst_price(candidate), candidate.take_profit, candidate.stop_loss)
    if not instrument.notional(highest, qty) < NOTIONAL_LIMIT:
        return Refusal("NOTIONAL_OVERFLOW", money.text(instrument.notional(highest, qty)))
    return None


_PRICES = {"market": (), "limit": ("price",), "stop": ("stop_price",)}


def _combination(candidate: Candidate, tables: AccountTables) -> Refusal | None:
    command = candidate.command
    for name, given in (("price", command.price), ("stop_price", command.stop_price)):
        wanted = name in _PRICES[command.type]
        if wanted and given is None:
            return Refusal("PRICE_MISSING", f"{command.type} needs {name}")
        if not wanted and given is not None:
            return Refusal("PRICE_NOT_ALLOWED", f"{command.type} takes no {name}")
    if command.type == "stop" and command.tif in ("IOC", "FOK"):
        return Refusal("BAD_COMBINATION", f"type stop, tif {command.tif}")
    if command.type == "limit" and command.protection_bps is not None:
        return Refusal("BAD_COMBINATION", "type limit, protection_bps")
    if command.bracket is not None and command.reduce_only:
        return Refusal("BAD_COMBINATION", "bracket, reduce_only")
    return None


def _bracket(candidate: Candidate, tables: AccountTables) -> Refusal | None:
    if candidate.command.bracket is None:
        return None
    if candidate.is_cash and candidate.side < 0:
        return Refusal("BRACKET_INVALID", "a sell of a cash account opens nothing to protect")
    side, entry2 = candidate.side, candidate.reference2
    below = entry2 == 0 or side * (entry2 - 2 * candidate.stop_loss) > 0
    target2 = 2 * candidate.take_profit
    above = target2 == 0 or side * (target2 - (entry2 or 2 * candidate.stop_loss)) > 0
    if below and above:
        return None
    return Refusal(
        "BRACKET_INVALID",
        f"half ticks: stop {2 * candidate.stop_loss}, entry {entry2}, target {target2}",
    )


def _simulated(candidate: Candidate, tables: AccountTables) -> Refusal | None:
    mode = "" if candidate.profile is None else candidate.profile.mode
    return None if mode == "sim" else Refusal("SIM_REFUSED", f"account mode {mode!a}")


def _position(candidate: Candidate, tables: AccountTables) -> Refusal | None:
    if candidate.command.reduce_only and not candidate.opposes:
        return Refusal("NO_POSITION", "nothing to reduce")
    return None


def _killed(candidate: Candidate, tables: AccountTables) -> Refusal | None:
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


def _mark(candidate: Candidate, tables: AccountTables) -> Refusal | None:
    stale_ms = 0 if candidate.instrument is None else candidate.instrument.stale_ms
    reason, detail = marks.unusable(candidate.mark, candidate.clock, stale_ms)
    if reason:
        return Refusal(reason, detail)
    exposed = candidate.exposure = _with_order(candidate, tables)
    unpriced = exposed.unpriced
    return Refusal("NO_PRICE", f"no mark of {unpriced}") if unpriced else None


def _currency(candidate: Candidate, tables: AccountTables) -> Refusal | None:
    """Limits are amounts of the base currency; without a rate nothing else can be compared with them."""
    foreign = _exposure(candidate).foreign
    return Refusal("NO_FX_RATE", f"{foreign} to the base currency") if foreign else None


def _open_orders(candidate: Candidate, tables: AccountTables) -> Refusal | None:
    limits = candidate.limits
    assert limits is not None, "NO_LIMITS comes first"
    live = tables.open_orders.of(candidate.command.account)
    if not len(live) < limits.open_orders_max:
        return Refusal("OPEN_ORDERS", f"{len(live)} open, at most {limits.open_orders_max}")
    if not len(live) < limits.symbol_open_orders_max:
        of_symbol = sum(symbol == candidate.command.symbol for symbol in live.values())
        if not of_symbol < limits.symbol_open_orders_max:
            most = limits.symbol_open_orders_max
            return Refusal("OPEN_ORDERS", f"{of_symbol} open of the symbol, at most {most}")
    return None


def _order_notional(candidate: Candidate, tables: AccountTables) -> Refusal | None:
    instrument, limits = candidate.instrument, candidate.limits
    assert instrument is not None and limits is not None, "UNKNOWN_SYMBOL and NO_LIMITS come first"
    notional = reservation.notional(candidate, instrument)
    least = money.parse(instrument.min_notional)
    if not notional >= least:
        return Refusal("NOTIONAL_MIN", f"{money.text(notional)} < {money.text(least)}")
    most = min(money.parse(instrument.max_notional), limits.order_notional_units)
    if not notional <= most:
        return Refusal("NOTIONAL_MAX", f"{money.text(notional)} > {money.text(most)}")
    return None


def _funds(candidate: Candidate, tables: AccountTables) -> Refusal | None:
    instrument, profile = candidate.instrument, candidate.profile
    assert instrument is not None and profile is not None, "UNKNOWN_ACCOUNT comes first"
    if candidate.is_cash and candidate.side < 0:
        free = candidate.position.qty - candidate.open.sells
        if not candidate.qty <= free:
            return Refusal("INSUFFICIENT_POSITION", f"lots {candidate.qty} > {free}")
        return None
    needed = reservation.reserved_lot(candidate, instrument, profile) * candidate.qty
    available = candidate.balance.available
    if not candidate.is_cash:
        available = exposure.margin_available(candidate.balance.available, _exposure(candidate))
    if not needed <= available:
        reason = "INSUFFICIENT_CASH" if candidate.is_cash else "INSUFFICIENT_MARGIN"
        return Refusal(reason, f"{money.text(needed)} > {money.text(available)}")
    return None


def _gross_exposure(candidate: Candidate, tables: AccountTables) -> Refusal | None:
    limits = candidate.limits
    assert limits is not None, "NO_LIMITS comes first"
    gross = _exposure(candidate).gross
    if not gross <= limits.gross_exposure_units:
        most = limits.gross_exposure_max
        return Refusal("GROSS_EXPOSURE", f"{money.text(gross)} > {most} with open orders")
    return None


def _with_order(candidate: Candidate, tables: AccountTables) -> Exposure:
    """The account as it would be with this order open."""
    command, profile = candidate.command, candidate.profile
    assert profile is not None, "UNKNOWN_ACCOUNT comes first"
    with_order = copy.copy(candidate.open)
    with_order.add(candidate.as_live(0, 0), candidate.qty)
    extra = {command.symbol: with_order}
    return exposure.of(tables, command.account, profile.base_currency, extra, candidate.clock)


def _exposure(candidate: Candidate) -> Exposure:
    assert candidate.exposure is not None, "the check of the mark comes first"
    return candidate.exposure


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
    Gate(_has_limits, reducing=False),  # 8
    # 9: latches of the account
    Gate(_mark, reducing=False),  # 10
    # 10: breakers and spread
    # 11: price band
    Gate(_currency, reducing=False),  # 12
    # 12: depeg
    # 13: order rate
    Gate(_open_orders, reducing=False),  # 13
    # 13: one open bracket a strategy and symbol
    Gate(_order_notional, reducing=False),  # 14
    # 15: loss at the stop
    Gate(_funds, reducing=False),  # 16
    # 17: largest position
    Gate(_gross_exposure, reducing=False),  # 17
    # 17: concentration, cluster
    # 18: CVaR, VaR
    # 19: watchdog
)
"""Checks 7 to 19, in the order in which they decide."""
