"""The limits of an account as the gate reads them: a shipped profile, changed by the account's own record."""

from typing import Any

import msgspec

from streams import control, money

MINUTE_NS = 60 * 10**9
MS_NS = 10**6


class SymbolLimits(msgspec.Struct, frozen=True):
    """Of one symbol. position: 10**-18 of a base unit, order: money units; None = no such limit."""

    position: int | None = None
    order: int | None = None


class Profile(msgspec.Struct, frozen=True):
    """Money in units of the base currency, shares in basis points of the NAV.

    loss, fees: of a UTC day; loss also at most loss_bps of the day's first NAV. drawdown_bps: of the highest NAV.
    gross: at most gross_bps, where 0 stands for what the kind of account allows. spread_bps: of the mid. bars: of the
    simulation; correlation_bps: from which symbols count as one. rate, burst: entries a second, and at once.
    """

    loss: int
    loss_bps: int
    drawdown_bps: int
    fees: int
    order: int
    order_bps: int
    symbol_bps: int
    var95: int
    var99: int
    spread_bps: int
    stale_ms: int
    cooldown_ns: int
    correlation_bps: int
    bars: int = 250
    cluster_bps: int = 6_000
    gross: int = 10**33
    gross_bps: int = 0
    cvar_bps: int = 500
    bracket_loss_bps: int = 200
    open_orders_max: int = 200
    symbol_open_orders_max: int = 50
    rate: int = 100
    burst: int = 200
    bracket_required: bool = False
    flatten: bool = False
    symbols: dict[str, SymbolLimits] = {}


def _shipped(
    loss: int, loss_bps: int, drawdown: int, fees: int, order: int, order_bps: int,
    var95: int, var99: int, spread: int, stale_ms: int, cooldown: int, correlation: int,
) -> Profile:  # fmt: skip
    """Amounts of thousands, as people write them down; shares in basis points; cooldown in minutes."""
    thousand = 1_000 * money.UNIT
    return Profile(
        loss=loss * thousand,
        loss_bps=loss_bps,
        drawdown_bps=drawdown,
        fees=fees * thousand,
        order=order * thousand,
        order_bps=order_bps,
        symbol_bps=3_500,
        var95=var95 * thousand,
        var99=var99 * thousand,
        spread_bps=spread,
        stale_ms=stale_ms,
        cooldown_ns=cooldown * MINUTE_NS,
        correlation_bps=correlation,
    )


SHIPPED: dict[str, Profile] = {
    "default": _shipped(50, 500, 1_000, 5, 1_500, 2_000, 250, 450, 25, 2_000, 60, 8_500),
    "house": _shipped(150, 10_000, 1_000, 35, 7_500, 3_500, 250, 450, 15, 2_000, 60, 8_500),
    "careful": _shipped(50, 10_000, 800, 10, 1_500, 2_500, 100, 175, 20, 3_000, 120, 8_500),
    "active": _shipped(100, 10_000, 1_000, 20, 3_500, 3_000, 180, 320, 18, 2_500, 90, 9_000),
}
"""In USD; `default` where a record names none."""

_MONEY = {
    "loss_max": "loss",
    "fees_max": "fees",
    "order_notional_max": "order",
    "gross_exposure_max": "gross",
    "var95_max": "var95",
    "var99_max": "var99",
}
"""Amounts of a record, and the limit that each sets."""

_NUMBERS = {"rate_per_s": "rate", "rate_burst": "burst"}
_OWN = ("bracket_required", "flatten")
_SAME = (
    "loss_bps", "drawdown_bps", "order_notional_bps", "symbol_bps", "cluster_bps", "gross_bps", "cvar_bps",
    "bracket_loss_bps", "spread_bps", "stale_ms", "correlation_bps", "bars", "open_orders_max",
    "symbol_open_orders_max",
)  # fmt: skip


def of(record: control.Limits) -> Profile:
    """The limits that a record sets."""
    changes: dict[str, Any] = {name: getattr(record, name) for name in _OWN}
    for field, name in _MONEY.items():
        text = getattr(record, field)
        if text is not None:
            changes[name] = money.parse(text)
    for field in (*_SAME, *_NUMBERS):
        value = getattr(record, field)
        if value is not None:
            changes[
                "order_bps" if field == "order_notional_bps" else _NUMBERS.get(field, field)
            ] = value
    if record.cooldown_minutes is not None:
        changes["cooldown_ns"] = record.cooldown_minutes * MINUTE_NS
    changes["symbols"] = {symbol: _of_symbol(each) for symbol, each in record.symbols.items()}
    return msgspec.structs.replace(SHIPPED[record.profile], **changes)


def _of_symbol(record: control.SymbolLimits) -> SymbolLimits:
    position, order = record.position_max, record.order_notional_max
    return SymbolLimits(
        None if position is None else money.parse(position),
        None if order is None else money.parse(order),
    )
