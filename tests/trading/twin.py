"""A slow second ledger in fractions, and a careless broker: the oracle of the account side."""

from collections import deque
from dataclasses import dataclass, field
from fractions import Fraction

from streams.messages import Accepted

LOT_TICK = Fraction(1, 100) * Fraction(1, 1000)
"""Money of one lot at a price of one tick, in currency units."""

TIERS = (
    (0, 1600, 2600),
    (10_000, 1400, 2400),
    (50_000, 1200, 2200),
    (100_000, 1000, 2000),
    (250_000, 800, 1800),
)
"""Traded notional from which on a maker and a taker rate hold; as far as a run of the machine trades."""


@dataclass(frozen=True)
class Terms:
    """qty: lots in all; limit: ticks, 0 = any; lot: money that each unfilled one holds."""

    qty: int
    limit: int
    lot: Fraction


@dataclass
class BrokerOrder:
    """An order as the broker has it, and what the account side has been told of it.

    rates: maker and taker, of its acceptance. terms: at the broker; asked: a replace that it has not answered.
    reported: lots whose fills have been delivered; ended: its last word was sent. told, told_asked: the terms as the
    account side knows them; settles: the filled lots from which on it knows the asked ones to hold, -1 = not told.
    """

    accepted: Accepted
    rates: tuple[int, int]
    terms: Terms
    told: Terms
    asked: Terms | None = None
    told_asked: Terms | None = None
    settles: int = -1
    filled: int = 0
    reported: int = 0
    ended: bool = False
    end_reported: bool = False

    @property
    def side(self) -> int:
        return 1 if self.accepted.side == "buy" else -1

    def settle(self) -> None:
        """The asked terms alone, once every fill of the old ones has been delivered."""
        if self.told_asked is not None and 0 <= self.settles <= self.reported:
            self.told, self.told_asked, self.settles = self.told_asked, None, -1

    def holds(self) -> Fraction:
        """What the account side must still reserve: all that may fill, at the most it may cost, as far as it knows."""
        both = [self.told] if self.told_asked is None else [self.told, self.told_asked]
        most = self.filled if self.end_reported else max(terms.qty for terms in both)
        return max(terms.lot for terms in both) * max(0, most - self.reported)


@dataclass
class Twin:
    """Cash, position and reservations of one account, by definition rather than by update."""

    is_cash: bool
    deposits: Fraction
    fills: list[tuple[int, int, int, Fraction]] = field(default_factory=list)
    orders: dict[str, BrokerOrder] = field(default_factory=dict)
    killed: bool = False
    pending_fills: deque[tuple[str, int, int, bool]] = field(default_factory=deque)
    pending_events: deque[tuple[str, str, int]] = field(default_factory=deque)

    @property
    def cash(self) -> Fraction:
        spent = sum(side * qty * price * LOT_TICK + fee for side, qty, price, fee in self.fills)
        return self.deposits - spent

    @property
    def fees(self) -> Fraction:
        return sum((fee for *_, fee in self.fills), Fraction(0))

    @property
    def rates(self) -> tuple[int, int]:
        """Maker and taker of an order accepted now; the machine's clock stands, so every fill counts."""
        traded = sum(qty * price * LOT_TICK for _, qty, price, _ in self.fills)
        _, maker, taker = max(tier for tier in TIERS if tier[0] <= traded)
        return maker, taker

    @property
    def position(self) -> int:
        return sum(side * qty for side, qty, _, _ in self.fills)

    @property
    def broker_position(self) -> int:
        """Fills under way included."""
        under_way = sum(
            (self.orders[order_id].side if order_id in self.orders else exit_side(order_id)) * qty
            for order_id, qty, _, _ in self.pending_fills
        )
        return self.position + under_way

    @property
    def reserved(self) -> Fraction:
        return sum((order.holds() for order in self.orders.values()), Fraction(0))

    def cost_and_gross(self) -> tuple[Fraction, Fraction, int]:
        """Average cost from the first fill on, unrounded; and how often it was reduced."""
        qty, cost, gross, reductions = 0, Fraction(0), Fraction(0), 0
        for side, size, price, _ in self.fills:
            closing = min(size, abs(qty)) if qty * side < 0 else 0
            if closing:
                removed = cost * closing / abs(qty)
                gross += -side * (closing * price * LOT_TICK - removed)
                cost -= removed
                reductions += 1
            cost += (size - closing) * price * LOT_TICK
            qty += side * size
        return cost, gross, reductions


def exit_side(order_id: str) -> int:
    """Exits of the test are named by what they do."""
    return -1 if order_id.endswith("/sell") else 1
