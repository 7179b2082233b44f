"""What an order may cost at worst, as a whole amount a lot, so that a fill of q releases q of them exactly."""

import msgspec

from streams import control, money
from streams.instruments import Instrument
from streams.orders import PROTECTION_BPS
from tables.candidate import BPS, MARKET_STOPS, Candidate
from tables.orders import Terms


def protection(candidate: Candidate) -> int:
    """The worst price in ticks at which a market or stop entry may fill; 0 = none.

    The mark (a stop: its stop price) moved against the order by protection_bps, then rounded to the tick on the mark's
    side of the bound: a fill is never worse than the page's bound, and rounding gives nobody more.
    """
    if candidate.is_reducing or not (candidate.type == "market" or candidate.type in MARKET_STOPS):
        return 0
    bps = candidate.command.protection_bps
    moved = BPS + candidate.side * (PROTECTION_BPS if bps is None else bps)
    whole = candidate.reference2 * moved
    return whole // (2 * BPS) if candidate.side > 0 else -(-whole // (2 * BPS))


def worst_price(candidate: Candidate) -> int:
    """The price in ticks at which the order counts: a buy's worst, a sell's limit, stop or mark; 0 = unknown."""
    if candidate.side > 0 and not candidate.price and not candidate.is_reducing:
        return protection(candidate)
    return (candidate.reference2 + 1) // 2


def notional(candidate: Candidate, instrument: Instrument) -> int:
    """Money of all that the order would have open, at its worst price."""
    return instrument.notional(worst_price(candidate), candidate.lots)


def reserved_lot(candidate: Candidate, instrument: Instrument, profile: control.Account) -> int:
    """Money units that each unfilled lot of the order holds.

    Cash account: a buy holds its worst price and the taker fee on it, a sell holds lots of the position instead. Margin
    account: an entry holds its initial margin and the fee, a reducing order the fee alone.
    """
    lot = instrument.notional(worst_price(candidate), 1)
    fee = money.fee(lot, fee_rate(candidate))
    if profile.type == "cash":
        return lot + fee if candidate.side > 0 else 0
    if candidate.is_reducing:
        return fee
    margin = -(-lot * instrument.initial_margin_units // money.UNIT)
    return margin + fee


def fee_rate(candidate: Candidate) -> int:
    """The highest rate a fill can be charged; a rebate is not spent before it is earned."""
    return max(*candidate.rates, 0)


def terms(candidate: Candidate, instrument: Instrument, profile: control.Account) -> Terms:
    """What the order may do and holds once accepted; asked for by the check of funds, and again at acceptance.

    A replace to no more than has filled ends the rest, so until the broker has answered the old price holds.
    """
    old = candidate.replaces
    if old is not None and not candidate.lots:
        return msgspec.structs.replace(old.terms, qty=candidate.qty)
    known = candidate.agreed
    if known is None or known.qty != candidate.qty:
        limit = candidate.price or protection(candidate)
        lot = reserved_lot(candidate, instrument, profile)
        known = candidate.agreed = candidate.terms(lot, limit)
    return known


def needed(candidate: Candidate, terms: Terms) -> int:
    """Money units that its acceptance reserves: all of a new order; of a replaced one what is added to cover both."""
    old = candidate.replaces
    if old is None:
        return terms.reserved_lot * candidate.qty
    both = terms.or_worse(old.terms, candidate.side)
    return both.reserved_lot * (both.qty - old.filled) - candidate.held
