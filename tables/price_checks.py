"""Checks 10 to 12 of an entry: a price that can be relied on, an order near it, a currency that is worth something."""

import copy

from tables import depeg, exposure, marks
from tables.account_tables import AccountTables
from tables.candidate import Candidate, Refusal
from tables.exposure import Exposure

BPS = 10_000


def price(candidate: Candidate, tables: AccountTables) -> Refusal | None:
    """NO_PRICE, STALE_PRICE, CROSSED_BOOK, BREAKER_OPEN, SPREAD: the mark, of its symbol and of all that is held."""
    instrument, limits = candidate.instrument, candidate.limits
    assert instrument is not None and limits is not None, "UNKNOWN_SYMBOL and NO_LIMITS come first"
    reason, detail = marks.unusable(
        candidate.mark,
        candidate.clock,
        min(instrument.stale_ms, limits.stale_ms),
        min(instrument.max_spread_bps, limits.spread_bps),
    )
    if reason:
        return Refusal(reason, detail)
    pace = tables.guards.paces.get(candidate.command.account)
    if pace is not None and candidate.clock < pace.broken:
        return Refusal("BREAKER_OPEN", f"the broker refused too often, until {pace.broken}")
    exposed = candidate.exposure = expose(candidate, tables)
    unpriced = exposed.unpriced
    return Refusal("NO_PRICE", f"no mark of {unpriced}") if unpriced else None


def band(candidate: Candidate, tables: AccountTables) -> Refusal | None:
    """PRICE_BAND: no limit and no stop far beyond the mark on the side on which it would pay more."""
    instrument, mark = candidate.instrument, candidate.mark
    assert instrument is not None and mark is not None, "NO_PRICE comes first"
    for name, ticks in (("price", candidate.price), ("stop_price", candidate.stop_price)):
        beyond = candidate.side * (2 * ticks - mark.mid2) * BPS
        if ticks and not beyond <= instrument.band_bps * mark.mid2:
            bps = beyond // mark.mid2
            return Refusal("PRICE_BAND", f"{name} bps from the mark {bps} > {instrument.band_bps}")
    return None


def peg(candidate: Candidate, tables: AccountTables) -> Refusal | None:
    """DEPEG: a quote currency that has a peg stands at it, and is seen to."""
    assert candidate.instrument is not None, "UNKNOWN_SYMBOL comes first"
    currency = candidate.instrument.quote
    symbol = tables.guards.pegs.of(currency)
    if symbol is None:
        return None
    state = tables.guards.peg_states.get(currency) or depeg.Peg(symbol)
    detail = depeg.tripped(state, candidate.clock)
    return Refusal("DEPEG", f"{currency}: {detail}") if detail else None


def currency(candidate: Candidate, tables: AccountTables) -> Refusal | None:
    """NO_FX_RATE: limits are amounts of the base currency; without a rate nothing can be compared with them."""
    foreign = with_order(candidate).foreign
    return Refusal("NO_FX_RATE", f"{foreign} to the base currency") if foreign else None


def with_order(candidate: Candidate) -> Exposure:
    """What has been exposed."""
    assert candidate.exposure is not None, "the check of the price comes first"
    return candidate.exposure


def expose(candidate: Candidate, tables: AccountTables) -> Exposure:
    """What the account would be with this order open."""
    command, profile = candidate.command, candidate.profile
    assert profile is not None, "UNKNOWN_ACCOUNT comes first"
    lots = copy.copy(candidate.open)
    if not command.reduce_only:
        lots.count(candidate.side, candidate.lots, candidate.is_reducing)
    extra = {command.symbol: lots}
    return exposure.of(tables, command.account, profile.base_currency, extra, candidate.clock)
