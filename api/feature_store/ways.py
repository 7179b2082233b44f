"""The four ways to a feature vector: as logged, recomputed from the raw topics, and Feast offline and online."""

import asyncio
import heapq
import time
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import NamedTuple

from feast import FeatureStore

from agents.group import Group
from api.feature_store.vectors import Point, Row, Vector
from api.replay import recorded, stretch
from api.replay.hashes import Hashes, Stream, Written
from api.replay.logs import ProofLog
from models.feature_store import history
from models.feature_store.read import OnlineFeatures, Value
from models.feature_store.sets import FeatureSet
from streams import topics
from streams.predictions import Features

CELLS = "symbol"
"""The route group that makes vectors."""

JOINED_AT_ONCE = 200
"""Neighbours in time: a join looks at every row within the ttl of every point."""

WAIT_S = 15.0
"""How long the history and the online store may take to have what the log has."""

LOOK_S = 0.5
_FOR_EVER_NS = 2**63
RANKS = 2**64


class Sample(NamedTuple):
    """Which vectors are compared: always the same ones. rows_max: those of the smallest hashes, 0: all.

    share: of all, those whose hash is in the first part of all hashes.
    """

    rows_max: int = 0
    share: float = 1.0


ALL = Sample()


class Logged:
    """The vectors of one set in a range of record time, of which some are kept, by their hash: see `Sample`.

    through: another's newest; what is later is only counted, in `later`. newest: each symbol's last one, later or not.
    """

    def __init__(
        self,
        stored: FeatureSet,
        since_ms: int,
        until_ms: int,
        sample: Sample = ALL,
        through: Mapping[str, Row] | None = None,
    ) -> None:
        self.since_ms = since_ms
        self.rows = self.later = 0
        self.newest: dict[str, Row] = {}
        self._set, self._until_ms, self._sample, self._through = stored, until_ms, sample, through
        self._kept: list[tuple[int, Point, Vector]] = []

    def add(self, timestamp_ms: int, value: bytes) -> None:
        """The next record of the topic `features`."""
        message: Features = topics.FEATURES.decode(value)
        if message.set_hash != self._set.hash or not self.since_ms <= timestamp_ms < self._until_ms:
            return
        row = Row(Point(message.symbol, message.time), Vector(message.ready, message.vector))
        last = self.newest.get(message.symbol)
        if last is None or row.point.time >= last.point.time:
            self.newest[message.symbol] = row
        if self._is_later(row.point):
            self.later += 1
            return
        self.rows += 1
        self._keep(row)

    def _is_later(self, point: Point) -> bool:
        if self._through is None:
            return False
        last = self._through.get(point.symbol)
        return last is None or point.time > last.point.time

    def _keep(self, row: Row) -> None:
        rank, rows_max = _rank(row.point), self._sample.rows_max
        if rank >= self._sample.share * RANKS:
            return
        item = (-rank, *row)
        if not rows_max or len(self._kept) < rows_max:
            heapq.heappush(self._kept, item)
        elif item > self._kept[0]:
            heapq.heapreplace(self._kept, item)

    @property
    def kept(self) -> dict[Point, Vector]:
        """The sample: those of the smallest hashes."""
        return {point: vector for _, point, vector in self._kept}


def _rank(point: Point) -> int:
    return int.from_bytes(sha256(f"{point.symbol}|{point.time}".encode()).digest()[:8], "big")


async def logged(log: ProofLog, into: Logged) -> None:
    """Read the topic `features` up to its present end; record times are not in order, so none ends it."""
    async for record in log.written([topics.FEATURES.name], into.since_ms):
        into.add(record.timestamp_ms, record.value or b"")


class _Recomputed(Hashes):
    """What a replay writes to `features`."""

    def __init__(self, into: Logged) -> None:
        super().__init__()
        self._into = into

    def add(self, stream: Stream, written: Written) -> None:
        if stream.topic == topics.FEATURES.name:
            self._into.add(written.timestamp_ms, written.value or b"")


async def recomputed(log: ProofLog, groups: Sequence[Group], partitions: int, into: Logged) -> None:
    """Fold the raw topics again, in the order in which they were, with the handlers that the engine runs.

    Raises Unverifiable where the log lacks what that needs, LogTruncated, HandlerFailed.
    """
    found = await stretch.find(log, into.since_ms)
    cells = {name: each for name, each in found.items() if name.group == CELLS}
    await recorded.replay(log, groups, partitions, cells, _Recomputed(into))


async def offline(
    store: FeatureStore, stored: FeatureSet, points: Iterable[Point]
) -> dict[Point, Vector]:
    """Feast's join at these points; what the history sink has not stored yet is asked for again."""
    found: dict[Point, Vector] = {}
    missing, end = sorted(points, key=lambda point: point.time), time.monotonic() + WAIT_S
    while missing:
        for start in range(0, len(missing), JOINED_AT_ONCE):
            asked = [history.Point(*point) for point in missing[start : start + JOINED_AT_ONCE]]
            joined = await asyncio.to_thread(history.joined, store, stored, asked)
            found |= {
                Point(*at): Vector(row.ready, row.vector)
                for at, row in joined.items()
                if row is not None
            }
        missing = [point for point in missing if point not in found]
        if not missing or time.monotonic() > end:
            break
        await asyncio.sleep(LOOK_S)
    return found


async def online(
    store: FeatureStore, stored: FeatureSet, newest: Mapping[str, Row]
) -> dict[Point, Vector]:
    """The online row of each symbol, once it is as new as the log's was or the wait is over."""
    reader, symbols, end = OnlineFeatures(store, stored), sorted(newest), time.monotonic() + WAIT_S
    found: dict[Point, Vector] = {}
    while symbols:
        answers = await asyncio.to_thread(reader.read, symbols, _FOR_EVER_NS, time.time_ns())
        rows = {name: row for name, row in answers.items() if isinstance(row, Value)}
        found = {Point(name, row.time): Vector(row.ready, row.vector) for name, row in rows.items()}
        behind = [name for name in symbols if _is_behind(rows.get(name), newest[name].point)]
        if not behind or time.monotonic() > end:
            break
        await asyncio.sleep(LOOK_S)
    return found


def _is_behind(row: Value | None, logged: Point) -> bool:
    return row is None or row.time < logged.stored.time
