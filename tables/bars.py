"""Hourly returns of each symbol by event time: what the loss simulation and the clusters are computed from."""

import msgspec

from tables.marks import View

HOUR_NS = 3_600 * 10**9
RETURN_UNIT = 10**9
BARS_KEPT = 250


class Bars(msgspec.Struct, frozen=True):
    """Of one symbol. hour, close: the last closed hour since 1970, and its last mid in half ticks.

    hours, returns: those whose hour before is known too, oldest first; returns in 10**-9 of the price before.
    """

    hour: int = -1
    close: int = 0
    hours: tuple[int, ...] = ()
    returns: tuple[int, ...] = ()


NO_BARS = Bars()


def closes(before: View, mark: View) -> bool:
    """Whether an hour ended between two marks of a symbol."""
    return mark.time // HOUR_NS > before.time // HOUR_NS and before.mid2 > 0


def close(bars: Bars, before: View) -> Bars:
    """The bars with the hour closed whose last mark this is."""
    hour, mid2 = before.time // HOUR_NS, before.mid2
    if hour <= bars.hour:
        return bars
    hours, returns = bars.hours, bars.returns
    if hour == bars.hour + 1 and bars.close:
        change = (mid2 - bars.close) * RETURN_UNIT // bars.close
        hours, returns = (*hours, hour)[-BARS_KEPT:], (*returns, change)[-BARS_KEPT:]
    return Bars(hour, mid2, hours, returns)
