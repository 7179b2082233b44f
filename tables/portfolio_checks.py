"""Checks 16 to 18 of an entry: that it is paid for, that nothing grows too large, and what the whole could lose."""

from streams import money
from tables import clusters, exposure, reservation, simulation
from tables.account_tables import AccountTables
from tables.bars import NO_BARS
from tables.candidate import Candidate, Refusal
from tables.order_checks import in_base
from tables.price_checks import BPS, with_order
from tables.simulation import FALLBACK_BPS, Tails

GROSS_BPS = {"cash": 10_000, "margin": 20_000}
"""Share of the NAV, by kind of account, where the limits name none."""


def funds(candidate: Candidate, tables: AccountTables) -> Refusal | None:
    """INSUFFICIENT_POSITION, INSUFFICIENT_CASH, INSUFFICIENT_MARGIN: the reservation is there to be made."""
    instrument, profile = candidate.instrument, candidate.profile
    assert instrument is not None and profile is not None, "UNKNOWN_ACCOUNT comes first"
    if candidate.is_cash and candidate.side < 0:
        free = candidate.position.qty - candidate.open.sells
        if not candidate.lots <= free:
            return Refusal("INSUFFICIENT_POSITION", f"lots {candidate.lots} > {free}")
        return None
    needed = reservation.needed(candidate, reservation.terms(candidate, instrument, profile))
    if not candidate.is_cash:
        needed = in_base(needed, candidate, tables)
    most = available(candidate)
    if not needed <= most:
        reason = "INSUFFICIENT_CASH" if candidate.is_cash else "INSUFFICIENT_MARGIN"
        return Refusal(reason, f"{money.text(needed)} > {money.text(most)}")
    return None


def available(candidate: Candidate) -> int:
    """Money units that a new order may still take: of the quote currency, in a margin account of its own."""
    if candidate.is_cash:
        return candidate.balance.available
    return exposure.margin_available(with_order(candidate))


def position(candidate: Candidate, tables: AccountTables) -> Refusal | None:
    """POSITION_LIMIT: the largest position of one symbol, with all open orders, in base units."""
    limits, instrument, symbol = candidate.limits, candidate.instrument, candidate.command.symbol
    assert limits is not None and instrument is not None, "NO_LIMITS comes first"
    own = limits.symbols.get(symbol)
    if own is None or own.position is None:
        return None
    qty, lots = candidate.position.qty, candidate.open
    grown = (
        qty + lots.buys + candidate.lots
        if candidate.side > 0
        else qty - lots.sells - candidate.lots
    )
    units = max(lots.worst(qty), abs(grown)) * instrument.lot_units
    if not units <= own.position:
        return Refusal("POSITION_LIMIT", f"{money.text(units)} > {money.text(own.position)}")
    return None


def gross(candidate: Candidate, tables: AccountTables) -> Refusal | None:
    """GROSS_EXPOSURE: all symbols at worst."""
    limits, profile, exposed = candidate.limits, candidate.profile, with_order(candidate)
    assert limits is not None and profile is not None, "NO_LIMITS comes first"
    share = exposed.nav * (limits.gross_bps or GROSS_BPS[profile.type]) // BPS
    most = min(limits.gross, share)
    if not exposed.gross <= most:
        return Refusal(
            "GROSS_EXPOSURE",
            f"{money.text(exposed.gross)} > {money.text(most)} with open orders",
        )
    return None


def concentration(candidate: Candidate, tables: AccountTables) -> Refusal | None:
    """CONCENTRATION: one symbol at worst, as a share of the NAV."""
    limits, exposed = candidate.limits, with_order(candidate)
    assert limits is not None, "NO_LIMITS comes first"
    worst = abs(exposed.worst.get(candidate.command.symbol, 0))
    most = exposed.nav * limits.symbol_bps // BPS
    if not worst <= most:
        return Refusal("CONCENTRATION", f"{money.text(worst)} > {money.text(most)}")
    return None


def cluster(candidate: Candidate, tables: AccountTables) -> Refusal | None:
    """CLUSTER: the symbols that move with this one, together."""
    limits, exposed = candidate.limits, with_order(candidate)
    assert limits is not None, "NO_LIMITS comes first"
    most = exposed.nav * limits.cluster_bps // BPS
    if exposed.gross <= most:
        return None  # no part is larger than the whole
    joined = clusters.joined(candidate.command.symbol, exposed.worst, tables, limits)
    amount = sum(abs(exposed.worst.get(symbol, 0)) for symbol in joined)
    if not amount <= most:
        return Refusal("CLUSTER", f"{len(joined)}: {money.text(amount)} > {money.text(most)}")
    return None


def tails(candidate: Candidate, tables: AccountTables) -> Refusal | None:
    """CVAR, VAR: what the whole at worst would have lost in the hours that are remembered."""
    limits, exposed = candidate.limits, with_order(candidate)
    assert limits is not None, "NO_LIMITS comes first"
    most = Tails(exposed.nav * limits.cvar_bps // BPS, limits.var95, limits.var99)
    symbols, amounts = tuple(exposed.worst), tuple(exposed.worst.values())
    if not symbols:
        return None  # nothing is held and nothing would be
    rows = tuple(tables.guards.bars.get(symbol) or NO_BARS for symbol in symbols)
    history = tables.guards.simulation.history(symbols, rows, limits.bars)
    lost = simulation.bound(amounts, history)
    if lost is None:
        fifth = exposed.gross * FALLBACK_BPS // BPS
        return _beyond(Tails(fifth, fifth, fifth), most)
    if _beyond(lost, most) is None:
        return None
    lost = simulation.tails(amounts, history.columns)
    return None if lost is None else _beyond(lost, most)


def _beyond(lost: Tails, most: Tails) -> Refusal | None:
    if not lost.cvar95 <= most.cvar95:
        return Refusal("CVAR", f"95: {money.text(lost.cvar95)} > {money.text(most.cvar95)}")
    if not lost.var95 <= most.var95:
        return Refusal("VAR", f"95: {money.text(lost.var95)} > {money.text(most.var95)}")
    if not lost.var99 <= most.var99:
        return Refusal("VAR", f"99: {money.text(lost.var99)} > {money.text(most.var99)}")
    return None
