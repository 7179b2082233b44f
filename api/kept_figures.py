"""What the history tells once a minute as gauges: whether the audit log holds, and how old the drills are."""

import asyncio
import logging

import psycopg

from agents.metrics import Metrics
from api.history import History
from api.problems import Problem
from api.verify import audited

log = logging.getLogger("headrace.api")

EVERY_S = 60.0
DRILLS_SQL = """
SELECT DISTINCT ON (part) part, extract(epoch FROM began_at)::float8 AS began, rto_s FROM ops_drills
WHERE verdict = 'passed' ORDER BY part, began_at DESC"""


class KeptFigures:
    """Looks at the database for ever; while it is away, the figures stay and its own metrics tell."""

    def __init__(self, metrics: Metrics, history: History, postgres_url: str) -> None:
        self._metrics = metrics
        self._history = history
        self._url = postgres_url

    async def run(self) -> None:
        while self._url:
            try:
                await self.look()
            except (Problem, psycopg.Error, OSError) as error:
                log.warning("figures of the history: %r", error)
            await asyncio.sleep(EVERY_S)

    async def look(self) -> None:
        """Once. Raises Problem, psycopg.Error, OSError."""
        for row in await self._history.rows(DRILLS_SQL):
            self._metrics.set("drill_timestamp_seconds", (row["part"],), row["began"])
            self._metrics.set("drill_recovery_seconds", (row["part"],), row["rto_s"])
        verdict = await audited.judge(self._url, "", [])
        self._metrics.set("audit_head_sequence", (), verdict.entries)
        self._metrics.set("audit_broken", (), verdict.fault is not None)
        if verdict.fault is not None:
            log.error("the audit log is not as it was written: %s", verdict.fault)
