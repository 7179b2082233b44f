"""Writes batches to the history and then to the latest state, again and again while the database is away."""

import asyncio
import logging
import random
import time
from collections.abc import Iterator
from typing import Any

import psycopg

from sinks.batch import Batch
from sinks.history import LOST, History
from sinks.intake import Intake
from sinks.latest import Latest
from sinks.writes import SINK
from streams.meter import SinkMeter

log = logging.getLogger("headrace.sink")

BACKOFF_S_MIN, BACKOFF_S_MAX = 0.1, 5.0
STUCK_S = 5.0
"""A batch that takes longer waits for a lock, a disk or a database that is away: not ready."""


def delays_s() -> Iterator[float]:
    """Waits between attempts, for ever: doubling, up to half of each random."""
    delay = BACKOFF_S_MIN
    while True:
        yield delay * random.uniform(0.5, 1.0)
        delay = min(delay * 2, BACKOFF_S_MAX)


class Writer:
    """The only user of the database connection, one call at a time; whoever calls holds the intake's turn."""

    def __init__(
        self,
        history: History,
        latest: Latest | None,
        meter: SinkMeter,
        *,
        require_timescaledb: bool = False,
    ) -> None:
        self.history = history
        self.latest = latest
        self.held = 0
        self._oldest_ms = self._stored_ms = 0
        self._meter = meter
        self._require_timescaledb = require_timescaledb
        self._began: float | None = None
        self._rows: dict[str, int] = {}
        self._batches = self._conflicts = self._rejects = 0

    @property
    def is_stuck(self) -> bool:
        """Whether the batch in hand takes too long."""
        began = self._began
        return began is not None and time.monotonic() - began > STUCK_S

    def lag_s(self, lag_records: int, now_ms: int) -> float:
        """How old what is not stored yet is, by record time: the batch in hand, or what comes after the last one."""
        since_ms = self._oldest_ms or self._stored_ms
        return max(0, now_ms - since_ms) / 1000 if lag_records and since_ms else 0.0

    def status(self) -> dict[str, Any]:
        """What was written since the start."""
        return {
            "history_connected": self.history.connected,
            "stuck": self.is_stuck,
            "latest": "off" if self.latest is None else self.latest.state,
            "held_records": self.held,
            "batches": self._batches,
            "rows": dict(self._rows),
            "conflicts": self._conflicts,
            "rejects": self._rejects,
        }

    async def claim(self, intake: Intake) -> None:
        """Take over what is assigned, however long the database needs. Raises LogChanged, KafkaError, SchemaRefused."""
        for delay_s in delays_s():
            try:
                async with intake.turn:
                    await self._connect()
                await intake.claim(self.history)
            except LOST as error:
                await self._lost(error)
            if intake.is_claimed:
                log.info("%d partitions claimed", len(intake.places))
                await self.mend(intake)
                return
            await asyncio.sleep(delay_s)

    async def write(self, intake: Intake, batch: Batch) -> None:
        """Store a batch, however long that takes, or until its partitions are another's. Raises Fenced."""
        self.held = batch.records
        self._oldest_ms = min(batch.timestamps_ms, default=0)
        self._began = time.monotonic()
        try:
            for delay_s in delays_s():
                async with intake.turn:
                    if batch.generation != intake.generation or await self._stores(intake, batch):
                        return
                await asyncio.sleep(delay_s)
        finally:
            self.held = self._oldest_ms = 0
            self._began = None

    async def mend(self, intake: Intake) -> None:
        """Refill what the latest state lacks; takes the turn itself."""
        async with intake.turn:
            if self.latest is None or not self.history.connected:
                return
            try:
                for place in intake.places:
                    await self.latest.ensure(place, intake.next(place), self.history.snapshot)
            except LOST as error:
                await self._lost(error)

    async def look(self, intake: Intake) -> None:
        """Tell the meter how the history lies on disk and how old its copies are; takes the turn itself."""
        async with intake.turn:
            if not self.history.connected:
                return
            try:
                found, copied = await self.history.chunks(), await self.history.backups()
            except LOST as error:
                await self._lost(error)
                return
            except psycopg.Error as error:  # a figure is not worth a sink
                log.warning("chunks and backups are not known: %s", error)
                return
        self._meter.backups(copied)
        if found is not None:
            self._meter.chunks(found.counts, found.ratio)

    async def close(self) -> None:
        await self.history.close()
        if self.latest is not None:
            await self.latest.close()

    async def _stores(self, intake: Intake, batch: Batch) -> bool:
        """One attempt; False when the database is away."""
        started = time.perf_counter()
        try:
            await self._connect()
            written = await self.history.commit(batch)
        except LOST as error:
            await self._lost(error)
            return False
        seconds = time.perf_counter() - started
        intake.stored(batch)
        self._count(batch, written.rows, written.conflicts, seconds)
        if self.latest is not None:
            try:
                await self.latest.follow(batch, self.history.snapshot)
            except LOST as error:
                await self._lost(error)
        return True

    def _count(self, batch: Batch, rows: dict[str, int], conflicts: int, seconds: float) -> None:
        for table, count in rows.items():
            self._rows[table] = self._rows.get(table, 0) + count
        self._batches += 1
        self._stored_ms = max(batch.timestamps_ms, default=self._stored_ms)
        self._conflicts += conflicts
        self._rejects += len(batch.rejects)
        for reject in batch.rejects:
            self._meter.dead_letter(reject.topic, reject.reason)
        committed_ms = time.time_ns() // 1_000_000
        self._meter.batch(SINK, rows, conflicts, batch.timestamps_ms, seconds, committed_ms)
        self._meter.outcomes(batch.outcomes)

    async def _connect(self) -> None:
        if not self.history.connected:
            await self.history.connect(require_timescaledb=self._require_timescaledb)
            self._meter.connected(SINK, True)

    async def _lost(self, error: BaseException) -> None:
        log.warning("history database: %s: %s", type(error).__name__, str(error).strip()[:200])
        self._meter.retry(SINK, type(error).__name__)
        self._meter.connected(SINK, False)
        await self.history.close()
