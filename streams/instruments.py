"""What can be traded, and the exact arithmetic between ticks, lots and money."""

import re
from functools import cached_property
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from streams import money

SYMBOL = re.compile(r"[A-Z0-9_/-]{1,24}\.[A-Z0-9_]{1,24}")


class Instrument(BaseModel):
    """Reference data of one symbol, a record on `control` under `instrument:{symbol}`.

    tick, lot, multiplier: decimal strings > 0; their product is a whole number of 10**-12, so notionals and fees are
    exact. min_qty, max_qty: lots. min_notional, max_notional: decimal strings of the quote currency.
    latency: none, latency_low_ms, or drawn from both bounds; event time. slippage: what a taker pays beyond the book,
    from slippage_bps and, for spread_vol, slippage_volatility_bps. queue: whether a trade at a resting order's price
    fills it: after what was shown there before it, never, or always. assume_size: lots where a feed gives no sizes.
    max_spread_bps, band_bps: the widest spread, and the furthest aggressive price from the mark, of an entry.
    initial_margin: share of the notional that a margin account holds, maintenance_margin: share of that; peg: the
    price at which the base currency is meant to stand, where its quote currency is worth that by promise.
    vpin_bucket: lots in a bucket of the feature `vpin` from the event time `vpin_from` (ns) on; 0 = a fiftieth of a
    day's volume, once that is known.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    symbol: str = Field(pattern=rf"^{SYMBOL.pattern}$")
    base: str
    quote: str
    venue: str
    tick: str
    lot: str
    multiplier: str = "1"
    kind: Literal["spot", "linear_perp"] = "spot"
    status: Literal["trading", "close_only", "halted", "delisted"] = "trading"
    min_qty: int = Field(default=1, gt=0)
    max_qty: int = Field(default=10**9, gt=0)
    min_notional: str = "10"
    max_notional: str = "7500000"
    stale_ms: int = Field(default=2000, gt=0)
    latency: Literal["zero", "constant", "uniform"] = "uniform"
    latency_low_ms: int = Field(default=50, ge=0)
    latency_high_ms: int = Field(default=300, ge=0)
    slippage: Literal["none", "fixed_bps", "spread_vol", "impact"] = "none"
    slippage_bps: int = Field(default=2, ge=0)
    slippage_volatility_bps: int = Field(default=0, ge=0)
    queue: Literal["queue", "never", "always"] = "queue"
    assume_size: int = Field(default=0, ge=0)
    max_spread_bps: int = Field(default=25, ge=0)
    band_bps: int = Field(default=500, ge=0)
    initial_margin: str = "1"
    maintenance_margin: str = "0.5"
    peg: str | None = None
    vpin_bucket: int = Field(default=0, ge=0)
    vpin_from: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _is_exact(self) -> "Instrument":
        sizes = [money.parse(size) for size in (self.tick, self.lot, self.multiplier)]
        if min(sizes) <= 0:
            raise ValueError("tick, lot and multiplier must be positive")
        if sizes[0] * sizes[1] * sizes[2] % 10 ** (3 * money.SCALE - 12):
            raise ValueError("tick x lot x multiplier must be a whole number of 10^-12")
        if self.latency_low_ms > self.latency_high_ms:
            raise ValueError("latency_low_ms must not exceed latency_high_ms")
        shares = [money.parse(share) for share in (self.initial_margin, self.maintenance_margin)]
        if not all(0 < share <= money.UNIT for share in shares):
            raise ValueError("initial_margin and maintenance_margin must be in (0, 1]")
        if self.peg is not None and not money.parse(self.peg) > 0:
            raise ValueError("peg must be positive")
        return self

    @cached_property
    def min_notional_units(self) -> int:
        """Money units of the smallest order."""
        return money.parse(self.min_notional)

    @cached_property
    def max_notional_units(self) -> int:
        """Money units of the largest order."""
        return money.parse(self.max_notional)

    @cached_property
    def tick_units(self) -> int:
        """Money units of one tick."""
        return money.parse(self.tick)

    @cached_property
    def lot_units(self) -> int:
        """10**-18 of the base unit in one lot."""
        return money.parse(self.lot)

    @cached_property
    def tick_lot_value(self) -> int:
        """Money units of one lot at a price of one tick."""
        return self.tick_units * self.lot_units * money.parse(self.multiplier) // money.UNIT**2

    @cached_property
    def initial_margin_units(self) -> int:
        """Of 10**18: share of a position's worth that a margin account holds for it."""
        return money.parse(self.initial_margin)

    @cached_property
    def maintenance_margin_units(self) -> int:
        """Of 10**18: share of a position's worth below which a margin account's NAV must not fall."""
        return self.initial_margin_units * money.parse(self.maintenance_margin) // money.UNIT

    @cached_property
    def peg_units(self) -> int:
        """The promised price in money units; 0 = there is none."""
        return 0 if self.peg is None else money.parse(self.peg)

    def notional(self, price: int, qty: int) -> int:
        """Money units of `qty` lots at `price` ticks."""
        return price * qty * self.tick_lot_value

    def price_ticks(self, text: str) -> int:
        """Ticks of a decimal price; ValueError when it is not a whole number of ticks."""
        return _whole(money.parse(text), self.tick_units, "price", "tick")

    def qty_lots(self, text: str) -> int:
        """Lots of a decimal quantity; ValueError when it is not a whole number of lots."""
        return _whole(money.parse(text), self.lot_units, "quantity", "lot")

    def price_text(self, ticks: int) -> str:
        """The decimal price of `ticks`."""
        return money.text(ticks * self.tick_units)

    def qty_text(self, lots: int) -> str:
        """The decimal quantity of `lots`."""
        return money.text(lots * self.lot_units)


def _whole(units: int, step: int, what: str, of: str) -> int:
    count, rest = divmod(units, step)
    if rest:
        raise ValueError(
            f"{what} {money.text(units)} is not a whole number of {of}s ({money.text(step)})"
        )
    return count
