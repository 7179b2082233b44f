"""VPIN: how one-sided the trading of the last 50 buckets of equal volume was (Easley, Lopez de Prado, O'Hara 2012)."""

from dataclasses import dataclass, fields
from operator import attrgetter

BUCKETS = 50
DAY_NS = 86_400 * 1_000_000_000
SEEN_NS_MIN = DAY_NS // 24
"""Whoever has seen less than an hour of trades does not judge a day's volume by it."""

NEVER = 1 << 62
"""More lots than are ever traded."""


@dataclass(slots=True)
class Vpin:
    """The buckets of one symbol, told by its totals of bought and sold lots.

    bucket: lots in each, 0 = not known yet. end: the total of lots at which the open bucket is full; signed: the total
    bought less sold at which it began. imbalances: abs(bought - sold) of the last full buckets, oldest first. value:
    their mean over the bucket, 0.0 before there are 50. planned, planned_from: the bucket from an event time (ns) on, 0
    = none is planned.
    """

    bucket: int = 0
    end: int = NEVER
    signed: int = 0
    imbalances: tuple[int, ...] = ()
    value: float = 0.0
    planned: int = 0
    planned_from: int = 0

    def __copy__(self) -> "Vpin":
        return Vpin(*_all(self))

    @property
    def is_full(self) -> bool:
        """Whether there are as many full buckets as it takes."""
        return len(self.imbalances) == BUCKETS


_all = attrgetter(*[each.name for each in fields(Vpin)])


def fill(vpin: Vpin, bought: int, sold: int, size: int, sign: int) -> None:
    """Close the buckets that a trade has filled, split exactly; sign: 1 bought, -1 sold. The totals include it.

    Of a trade beyond 50 buckets no more than 50 leave a trace.
    """
    lots, signed, bucket = bought + sold, bought - sold, vpin.bucket
    whole, rest = divmod(lots - vpin.end, bucket)
    first = abs(signed - sign * (lots - vpin.end) - vpin.signed)
    full = (first, *(bucket,) * min(whole, BUCKETS))
    vpin.imbalances = (*vpin.imbalances, *full)[-BUCKETS:]
    vpin.value = sum(vpin.imbalances) / (BUCKETS * bucket) if vpin.is_full else 0.0
    vpin.end = lots - rest + bucket
    vpin.signed = signed - sign * rest


def adopt(vpin: Vpin, bucket: int, bought: int = 0, sold: int = 0) -> None:
    """Let a bucket hold so many lots from these totals on; another size empties what was gathered."""
    vpin.planned = 0
    if bucket != vpin.bucket:
        vpin.bucket, vpin.end, vpin.signed = bucket, bought + sold + bucket, bought - sold
        vpin.imbalances, vpin.value = (), 0.0


def default_bucket(lots: int, seen_ns: int) -> int:
    """A fiftieth of a day's volume at the pace of `lots` in `seen_ns`; 0 while that is too short to tell."""
    if seen_ns < SEEN_NS_MIN:
        return 0
    return max(lots * DAY_NS // (BUCKETS * seen_ns), 1) if lots else 0
