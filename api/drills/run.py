"""Each drill with the fresh copy that it works on: made here, or a server that was named and is empty."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from api.drills import archived, history, kill, latest, registry, topics
from api.drills.logged import Logged
from api.drills.report import Report
from api.supervisor.threads import in_thread
from sinks.local import LocalPostgres, LocalValkey
from streams import admin
from streams.local import LocalKafka
from streams.local_part import Progress
from streams.settings import Settings, embedded

PARTITIONS = 2
APP = "drill"
STOP_S = 5.0


class DrillRefused(Exception):
    """A drill that may not, or cannot, be done here."""


Drill = Callable[[Path, Progress], Awaitable[Report]]


async def _history(directory: Path, say: Progress) -> Report:
    if missing := archived.missing():
        raise DrillRefused(missing)
    kafka = LocalKafka(directory / "kafka", progress=say)
    await in_thread(kafka.start, kafka.name)
    try:
        await admin.apply(kafka.bootstrap, PARTITIONS, embedded=True)
        rows = Logged(kafka.bootstrap, PARTITIONS)
        return await history.drill(directory, say, rows, has_log=True)
    finally:
        await in_thread(lambda: kafka.stop(STOP_S), kafka.name)


async def _latest(directory: Path, say: Progress) -> Report:
    kafka = LocalKafka(directory / "kafka", progress=say)
    postgres = LocalPostgres(directory / "postgres", progress=say)
    valkey = LocalValkey(directory / "valkey", progress=say)
    parts = (kafka, postgres, valkey)
    await asyncio.gather(*(in_thread(part.start, part.name) for part in parts))
    try:
        await admin.apply(kafka.bootstrap, PARTITIONS, embedded=True)
        settings = embedded(
            app=APP, brokers=kafka.bootstrap, partitions=PARTITIONS,
            postgres_url=postgres.url, redis_url=valkey.url,
        )  # fmt: skip
        return await latest.drill(settings, valkey, Report("latest"))
    finally:
        await asyncio.gather(*(in_thread(part.stop, part.name) for part in parts))


DRILLS: dict[str, Drill] = {
    "history": _history,
    "latest": _latest,
    "registry": registry.drill,
    "topics": topics.drill,
    "kill": kill.drill,
}


async def run(part: str, settings: Settings, say: Progress) -> Report:
    """One drill on a fresh copy, in a directory that is gone afterwards. Raises DrillRefused, LocalPartError."""
    if settings.gate.profile == "production":
        raise DrillRefused("production is no place for a drill: run it in staging, or on a desk")
    with tempfile.TemporaryDirectory(prefix="headrace-drill-") as directory:
        return await DRILLS[part](Path(directory), say)
