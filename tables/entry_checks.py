"""Checks 9 to 18 in the order in which they decide; none applies to an order that can only reduce."""

from tables import latches, order_checks, portfolio_checks, price_checks
from tables.account_tables import AccountTables
from tables.candidate import Candidate, Refusal


def _latched(candidate: Candidate, tables: AccountTables) -> Refusal | None:
    watch = tables.guards.watches.get(candidate.command.account)
    assert candidate.limits is not None, "NO_LIMITS comes first"
    if watch is None:
        return None
    reason, detail = latches.refusal(watch, candidate.limits, candidate.clock)
    return Refusal(reason, detail) if reason else None


PRICED = (
    _latched,  # 9
    price_checks.price,  # 10
    price_checks.band,  # 11
    price_checks.peg,  # 12
    price_checks.currency,  # 12
)
"""What can be said of an order before it has a size."""

SIZED = (
    order_checks.rate,  # 13
    order_checks.open_orders,  # 13
    order_checks.strategy,  # 13
    order_checks.notional,  # 14
    order_checks.stop,  # 15
    portfolio_checks.funds,  # 16
    portfolio_checks.position,  # 17
    portfolio_checks.gross,  # 17
    portfolio_checks.concentration,  # 17
    portfolio_checks.cluster,  # 17
    portfolio_checks.tails,  # 18
)
