"""What an account pays: a fee schedule by its traded notional of 30 days, fixed for an order at its acceptance."""

from collections.abc import Sequence
from functools import lru_cache

import msgspec

from streams import control, money
from tables.account_tables import AccountTables, Volume, edit

DAY_NS = 86_400 * 10**9
DAYS = 30
"""UTC days of event time that count, today's included."""

BUILT_IN = "kraken"
LARGE_CHANGE = 200
"""2 basis points: a slip of the pen is more likely than a change like that."""

_STEPS = (0, 10, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 100_000)
_MAKER = (16, 14, 12, 10, 8, 6, 4, 2, 0, 0, 0, 0)
_TAKER = (26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4)


class Tier(msgspec.Struct, frozen=True):
    """From so much traded notional (money units) on, these rates hold: integers of 0.01 bp."""

    least: int
    maker: int
    taker: int


KRAKEN: tuple[Tier, ...] = tuple(
    Tier(thousands * 1_000 * money.UNIT, maker * 100, taker * 100)
    for thousands, maker, taker in zip(_STEPS, _MAKER, _TAKER, strict=True)
)
"""The built-in schedule, published in basis points."""


def rates(profile: control.Account, clock_ns: int, tables: AccountTables) -> tuple[int, int]:
    """(maker, taker) of an order accepted now: the account's own rates, else the tier that it has reached."""
    if profile.maker_rate is not None and profile.taker_rate is not None:
        return profile.maker_rate, profile.taker_rate
    volume = tables.volumes.get(profile.account)
    traded = 0 if volume is None else _traded(volume, clock_ns)
    tier = reached(schedule(profile.fees, tables), traded)
    maker = tier.maker if profile.maker_rate is None else profile.maker_rate
    taker = tier.taker if profile.taker_rate is None else profile.taker_rate
    return maker, taker


def schedule(name: str, tables: AccountTables) -> Sequence[Tier]:
    """The tiers that hold for a name; the built-in ones where no record has come yet."""
    record = tables.schedules.get(name)
    return KRAKEN if record is None else tiers(record)


def needs_confirm(record: control.Fees, tables: AccountTables) -> bool:
    """Whether it changes a schedule in force by so much that it has to be meant."""
    is_in_force = record.name == BUILT_IN or record.name in tables.schedules
    return is_in_force and differs(record, schedule(record.name, tables))


@lru_cache
def tiers(record: control.Fees) -> tuple[Tier, ...]:
    """The tiers of a control record."""
    return tuple(Tier(money.parse(tier.least), tier.maker, tier.taker) for tier in record.tiers)


def differs(record: control.Fees, known: Sequence[Tier]) -> bool:
    """Whether a rate differs from the one in force by 2 bp or more, at any traded notional."""
    new = tiers(record)
    thresholds = {tier.least for tier in (*new, *known)}
    pairs = [(reached(new, least), reached(known, least)) for least in thresholds]
    return any(
        abs(a.maker - b.maker) >= LARGE_CHANGE or abs(a.taker - b.taker) >= LARGE_CHANGE
        for a, b in pairs
    )


def reached(of: Sequence[Tier], traded: int) -> Tier:
    """The highest tier whose threshold has been traded; they rise, and the first one has none."""
    found = of[0]
    for tier in of[1:]:
        if traded < tier.least:
            break
        found = tier
    return found


def book(tables: AccountTables, account: str, notional: int, time_ns: int) -> None:
    """Count a fill's notional to its UTC day, and forget the days that count no more."""
    volume = edit(tables.volumes, account, Volume)
    day = time_ns // DAY_NS
    kept = {of: amount for of, amount in volume.days.items() if of > day - DAYS}
    kept[day] = kept.get(day, 0) + notional
    volume.days = kept


def _traded(volume: Volume, clock_ns: int) -> int:
    """Notional of the last 30 days of event time."""
    first = clock_ns // DAY_NS - DAYS
    return sum(notional for day, notional in volume.days.items() if day > first)
