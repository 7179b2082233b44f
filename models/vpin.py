"""VPIN: how one-sided the trading of the last 50 buckets of equal volume was (Easley, Lopez de Prado, O'Hara 2012)."""

from dataclasses import dataclass, fields
from operator import attrgetter

BUCKETS = 50
DAY_NS = 86_400 * 1_000_000_000
SEEN_NS_MIN = DAY_NS // 24
"""Whoever has seen less than an hour of trades does not judge a day's volume by it."""


@dataclass(slots=True)
class Vpin:
    """The buckets of one symbol.

    bucket: lots in each, 0 = not known yet. left: lots that the open bucket lacks; signed: bought less sold lots in it.
    imbalances: abs(bought - sold) of the last full buckets, oldest first; total: their sum. planned, planned_from: the
    bucket from an event time (ns) on, 0 = none is planned.
    """

    bucket: int = 0
    left: int = 0
    signed: int = 0
    total: int = 0
    imbalances: tuple[int, ...] = ()
    planned: int = 0
    planned_from: int = 0

    def __copy__(self) -> "Vpin":
        return Vpin(*_all(self))


_all = attrgetter(*[each.name for each in fields(Vpin)])


def fill(vpin: Vpin, size: int, sign: int) -> None:
    """Add a trade that fills the open bucket or more, split exactly; sign: 1 bought, -1 sold.

    Of a trade beyond 50 buckets no more than 50 leave a trace.
    """
    bucket, left = vpin.bucket, vpin.left
    if not bucket:
        return
    whole, rest = divmod(size - left, bucket)
    full = (abs(vpin.signed + sign * left), *(bucket,) * min(whole, BUCKETS))
    vpin.imbalances = (*vpin.imbalances, *full)[-BUCKETS:]
    vpin.total = sum(vpin.imbalances)
    vpin.left = bucket - rest
    vpin.signed = sign * rest


def adopt(vpin: Vpin, bucket: int) -> None:
    """Let a bucket hold so many lots from now on; another size empties what was gathered."""
    vpin.planned = 0
    if bucket != vpin.bucket:
        vpin.bucket = vpin.left = bucket
        vpin.signed = vpin.total = 0
        vpin.imbalances = ()


def default_bucket(lots: int, seen_ns: int) -> int:
    """A fiftieth of a day's volume at the pace of `lots` in `seen_ns`; 0 while that is too short to tell."""
    if seen_ns < SEEN_NS_MIN:
        return 0
    return max(lots * DAY_NS // (BUCKETS * seen_ns), 1) if lots else 0
