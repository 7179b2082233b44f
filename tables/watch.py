"""What the latches of an account compare with, kept in its cell."""

import msgspec


class Watch(msgspec.Struct, frozen=True):
    """What the latches of one account compare with; money units of its base currency.

    day: since 1970; opening: NAV when it began, moved by deposits; peak: the highest NAV, scaled by deposits. fees: of
    each currency, paid before the day. latched: event time (ns) of each latch; seq: of the last `resume`; minute: the
    last one since 1970 whose equity is on record.
    """

    day: int = -1
    opening: int = 0
    peak: int = 0
    fees: dict[str, int] = {}
    latched: dict[str, int] = {}
    seq: int = 0
    minute: int = 0
