"""The account side's view of marks: what an order is priced with, and whether it may be."""

import msgspec

from streams.ids import Ref
from streams.messages import Mark

MS = 1_000_000


class View(msgspec.Struct, frozen=True):
    """The part of a mark that risk reads. mid2: mid in half ticks; cause: the quote or trade that made it.

    bid, ask: ticks, 0 = none; breaker: the one of the symbol that is open, "" = none.
    """

    mid2: int
    status: str
    time: int
    cause: Ref
    bid: int = 0
    ask: int = 0
    breaker: str = ""


def view(mark: Mark) -> View:
    """What risk keeps of a mark."""
    return View(mark.mid2, mark.status, mark.time, mark.cause, mark.bid, mark.ask, mark.breaker)


def age_ms(mark: View, clock_ns: int) -> int:
    """Event age, both sides event time; a mark ahead of the partition's clock is new, not negative."""
    return max(0, clock_ns - mark.time) // MS


def is_current(mark: View, clock_ns: int, stale_ms: int) -> bool:
    """Whether its venue is heard and it is young enough."""
    return mark.status != "stale" and clock_ns - mark.time <= stale_ms * MS


def unusable(mark: View | None, clock_ns: int, stale_ms: int, spread_bps: int) -> tuple[str, str]:
    """Why a mark prices no entry: (reason, detail), ("", "") for a usable one. Want of data is never usable."""
    if mark is None or not mark.mid2 >= 2:
        return "NO_PRICE", "no mark of a tick or more"
    if mark.status == "stale":
        return "STALE_PRICE", "the venue is silent"
    if not clock_ns - mark.time <= stale_ms * MS:
        return "STALE_PRICE", f"age_ms {age_ms(mark, clock_ns)} > {stale_ms}"
    if mark.status == "crossed":
        return "CROSSED_BOOK", "bid above ask"
    if mark.breaker:
        return "BREAKER_OPEN", mark.breaker
    if not (mark.bid > 0 and mark.ask > 0):
        return "SPREAD", "one side of the book is empty"
    spread = (mark.ask - mark.bid) * 20_000
    if not spread <= spread_bps * mark.mid2:
        return "SPREAD", f"bps {spread // mark.mid2} > {spread_bps}"
    return "", ""
