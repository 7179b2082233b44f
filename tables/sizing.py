"""How large an order may be that leaves its size to risk: a share of the account, less where the market is wild."""

from typing import NamedTuple

from streams import money

NAV_BPS = 1_000
AVAILABLE_BPS = 5_000
BPS = 10_000
CALM_PERCENT = 35
"""Yearly volatility, in percent, up to which the whole share is used; an unknown one leaves that share of it."""

VOLATILITY_PERCENT_MIN = 5
SLIPPAGE_BPS = 2
MARGIN_BPS = 5


class Account(NamedTuple):
    """Money units of what an account has, and of the largest order that its limits allow."""

    nav: int
    available: int
    order_max: int


def notional(account: Account, nav_bps: int, volatility: int | None) -> int:
    """Money units of the order. nav_bps: the share asked for; volatility: yearly, 10**18 = 100 %, None = unknown."""
    most = min(
        account.nav * NAV_BPS // BPS,
        account.available * AVAILABLE_BPS // BPS,
        account.nav * nav_bps // BPS,
        account.order_max,
    )
    if volatility is None:
        return max(0, most * CALM_PERCENT // 100)
    percent = max(volatility, VOLATILITY_PERCENT_MIN * money.UNIT // 100)
    calm = CALM_PERCENT * money.UNIT // 100
    return max(0, most if percent <= calm else most * calm // percent)


def lots(units: int, lot: int, least: int) -> int:
    """Whole lots for so much money; 0 where that is less than the least notional. lot: money units of one."""
    return 0 if units < least or lot <= 0 else units // lot


def costs(taker_rate: int) -> int:
    """Units of 10**-18 bp that a trade costs: taker fee in and out, and slippage. taker_rate: 0.01 bp."""
    return (2 * taker_rate + 100 * SLIPPAGE_BPS) * money.UNIT // 100


def pays(edge: int, taker_rate: int) -> bool:
    """Whether an expected return pays for the trade with a margin. edge: units of 10**-18 bp."""
    return edge > costs(taker_rate) + MARGIN_BPS * money.UNIT
