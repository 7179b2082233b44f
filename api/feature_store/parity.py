"""The parity of four ways: what was served is what a training set, a recount and an online reader are given."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from feast import FeatureStore

from agents.group import Group
from api.feature_store import ways
from api.feature_store.vectors import Difference, Point, Row, Vector, compare
from api.feature_store.ways import Logged, Sample
from api.replay.logs import ProofLog
from models.feature_store.sets import FeatureSet

FOR_EVER_MS = 2**62
LOG, RAW, OFFLINE, ONLINE = "log", "recomputed", "offline", "online"
LATER = "later"
"""Rows that came while the recount was under way."""


@dataclass
class Parity:
    """What was compared. rows: by way; differences: of every row that differs, the first feature."""

    view: str
    set_hash: str
    rows: dict[str, int] = field(default_factory=dict)
    compared: dict[str, int] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)

    def judge(
        self,
        way: str,
        stored: FeatureSet,
        logged: Mapping[Point, Vector],
        found: Mapping[Point, Vector],
    ) -> None:
        """Compare all rows of both sides."""
        points = logged.keys() | found.keys()
        self.compared[way] = len(points)
        for point in sorted(points):
            differs = compare(way, stored, point, logged.get(point), found.get(point))
            if differs is not None:
                self.differences.append(differs)

    def report(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "view": self.view,
            "set_hash": self.set_hash,
            "rows": self.rows,
            "compared": self.compared,
            "mismatches": len(self.differences),
            "first": str(self.differences[0]) if self.differences else None,
        }


@dataclass(frozen=True)
class Wanted:
    """A range of record time (ms), None: without that bound, and what of it is compared."""

    since_ms: int | None
    until_ms: int | None
    sample: Sample

    def rows(self, stored: FeatureSet, through: Mapping[str, Row] | None = None) -> Logged:
        """An empty collection of what is in the range."""
        until_ms = FOR_EVER_MS if self.until_ms is None else self.until_ms
        return Logged(stored, self.since_ms or 0, until_ms, self.sample, through)


async def prove(
    log: ProofLog,
    groups: tuple[Group, ...],
    partitions: int,
    store: FeatureStore,
    stored: FeatureSet,
    wanted: Wanted,
) -> Parity:
    """Compare the ways with the log. Raises Unverifiable, LogTruncated, HandlerFailed where they cannot be.

    The recount comes first: whatever it could see is in the log that is read after it.
    """
    parity = Parity(stored.view, stored.hash)
    raw = wanted.rows(stored)
    await ways.recomputed(log, groups, partitions, raw)
    logged = wanted.rows(stored, raw.newest)
    await ways.logged(log, logged)
    parity.rows = {LOG: logged.rows, RAW: raw.rows, LATER: logged.later}
    kept = logged.kept
    parity.judge(RAW, stored, kept, raw.kept)
    parity.judge(OFFLINE, stored, kept, await ways.offline(store, stored, kept))
    served = await ways.online(store, stored, logged.newest)
    at = await _logged_at(log, stored, logged.newest, served)
    parity.judge(ONLINE, stored, at, served)
    return parity


async def _logged_at(
    log: ProofLog, stored: FeatureSet, newest: Mapping[str, Row], served: Mapping[Point, Vector]
) -> dict[Point, Vector]:
    """What the log has where the online rows should be: its newest, or in a running system one that came meanwhile."""
    at = {row.point.stored: row.vector for row in newest.values()}
    newer = {point for point in served if point.time > newest[point.symbol].point.stored.time}
    if newer:
        since = Logged(stored, min(point.time for point in newer) // 1_000_000, FOR_EVER_MS)
        await ways.logged(log, since)
        reached = {point.symbol for point in newer}
        at = {point: vector for point, vector in at.items() if point.symbol not in reached}
        later = {point.stored: vector for point, vector in since.kept.items()}
        at |= {point: later[point] for point in newer if point in later}
    return at
