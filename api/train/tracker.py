"""The record of trainings in PostgreSQL: one run a model at a time, and a run whose process is gone is told as such."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Literal

import msgspec
import psycopg
from psycopg.types.json import Json

from models.batch.config import Config

Connection = psycopg.AsyncConnection[Any]
Trigger = Literal["schedule", "drift", "expiry", "manual"]
End = Literal["succeeded", "rejected", "failed"]

LOCK = 0x5452414E  # "TRAN": the first key of the advisory locks of trainings
STALE_S = 60
"""A run whose heartbeat is older has lost its process."""

BEAT_S = 10.0
DRIFT_S = 3600
"""Longer than the time between two looks at what is due, so that none is missed."""

QUEUE = """
INSERT INTO train_runs (run_id, model, trigger, state, config, config_sha256, provenance)
VALUES (%s, %s, %s, 'queued', %s, %s, %s)"""

INTERRUPT = """
UPDATE train_runs SET state = 'interrupted', ended_at = now()
WHERE state IN ('queued', 'running') AND heartbeat_at < now() - make_interval(secs => %s) RETURNING run_id"""

ABANDONED = """
UPDATE train_runs SET state = 'interrupted', ended_at = now()
WHERE state = 'running' AND model = %s RETURNING run_id"""

DRIFTED = """
SELECT DISTINCT model FROM predictions
WHERE ts > now() - make_interval(secs => %s) AND flags::jsonb ? 'drift_hold' ORDER BY model"""

LOOK = """
INSERT INTO test_looks (dataset_sha256, run_id) VALUES (%s, %s) ON CONFLICT DO NOTHING"""

END = """
UPDATE train_runs SET state = %(state)s, ended_at = now(), heartbeat_at = now(), error = %(error)s,
    dataset_sha256 = %(dataset)s, offsets = %(offsets)s, split = %(split)s, purged = %(purged)s,
    test_looks = %(looks)s, metrics = %(metrics)s, versions = %(versions)s
WHERE run_id = %(run)s AND state = 'running'"""


class Busy(Exception):
    """Another process trains this model."""


class RunLost(Exception):
    """The run is not running any more: its heartbeat stopped and another has taken over."""


class Outcome(msgspec.Struct, frozen=True):
    """How a run ended, with what is known of it by then."""

    state: End
    error: str = ""
    dataset_sha256: str = ""
    offsets: Mapping[str, tuple[int, int]] = {}
    split: Mapping[str, int] = {}
    purged: Mapping[str, int] = {}
    test_looks: int = 0
    metrics: Mapping[str, Any] = {}
    versions: tuple[str, ...] = ()


async def interrupt_stale(sql: Connection, stale_s: float = STALE_S) -> list[str]:
    """Mark the runs whose processes are gone; their names."""
    return [run_id for (run_id,) in await (await sql.execute(INTERRUPT, [stale_s])).fetchall()]


async def queue(
    sql: Connection, run_id: str, trigger: Trigger, config: Config, provenance: Mapping[str, str]
) -> None:
    """A run that will begin; it takes up the open requests for its model."""
    async with sql.transaction():
        given = Json(msgspec.to_builtins(config))
        known = Json(dict(provenance))
        await sql.execute(QUEUE, [run_id, config.model, trigger, given, config.sha256(), known])
        await sql.execute(
            "UPDATE train_requests SET run_id = %s WHERE model = %s AND run_id IS NULL",
            [run_id, config.model],
        )


@asynccontextmanager
async def training(sql: Connection, model: str) -> AsyncIterator[None]:
    """While it lasts no other process trains the model; what one left running is interrupted. Raises Busy."""
    keys = [LOCK, model]
    found = await (
        await sql.execute("SELECT pg_try_advisory_lock(%s, hashtext(%s))", keys)
    ).fetchone()
    if found is None or not found[0]:
        raise Busy(f"another process trains {model}")
    try:
        await sql.execute(ABANDONED, [model])
        yield
    finally:
        with contextlib.suppress(psycopg.OperationalError):  # lost with the lock
            await sql.execute("SELECT pg_advisory_unlock(%s, hashtext(%s))", keys)


async def start(sql: Connection, run_id: str) -> None:
    """From queued to running. Raises RunLost."""
    begun = await sql.execute(
        "UPDATE train_runs SET state = 'running', started_at = now(), heartbeat_at = now() "
        "WHERE run_id = %s AND state = 'queued'",
        [run_id],
    )
    if begun.rowcount != 1:
        raise RunLost(f"{run_id} is not queued any more")


@asynccontextmanager
async def beating(url: str, runs: Iterable[str], every_s: float = BEAT_S) -> AsyncIterator[None]:
    """Say again and again, on a connection of its own, that the process of these runs is there."""
    wanted = list(runs)

    async def beat() -> None:
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as sql:
            while True:
                await sql.execute(
                    "UPDATE train_runs SET heartbeat_at = now() "
                    "WHERE run_id = ANY(%s) AND state IN ('queued', 'running')",
                    [wanted],
                )
                await asyncio.sleep(every_s)

    task = asyncio.create_task(beat())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, psycopg.OperationalError):
            await task


async def look(sql: Connection, run_id: str, dataset_sha256: str) -> int:
    """Note that this run scores the test rows of a data set, before it does; how many runs have by now."""
    await sql.execute(LOOK, [dataset_sha256, run_id])
    rows = await sql.execute(
        "SELECT count(*) FROM test_looks WHERE dataset_sha256 = %s", [dataset_sha256]
    )
    found = await rows.fetchone()
    return int(found[0]) if found else 0


async def end(sql: Connection, run_id: str, outcome: Outcome) -> None:
    """The run is over: call it in the transaction of what it made. Raises RunLost."""
    given = {
        "run": run_id,
        "state": outcome.state,
        "error": outcome.error,
        "dataset": outcome.dataset_sha256,
        "offsets": Json(outcome.offsets),
        "split": Json(outcome.split),
        "purged": Json(outcome.purged),
        "looks": outcome.test_looks,
        "metrics": Json(outcome.metrics),
        "versions": list(outcome.versions),
    }
    if (await sql.execute(END, given)).rowcount != 1:
        raise RunLost(f"{run_id} is not running any more")


async def note_pages(sql: Connection, run_id: str, docs: str) -> None:
    """Where the pages on a run's rows are."""
    await sql.execute("UPDATE train_runs SET docs = %s WHERE run_id = %s", [docs, run_id])


async def last_config(sql: Connection, model: str) -> Config | None:
    """What the model's last training was told."""
    rows = await sql.execute(
        "SELECT config::text FROM train_runs WHERE model = %s ORDER BY queued_at DESC LIMIT 1",
        [model],
    )
    found = await rows.fetchone()
    return msgspec.json.decode(found[0], type=Config) if found else None


async def ask_on_drift(sql: Connection) -> None:
    """Ask for each model whose serving version drifted within the hour, by the predictions that the sink stored."""
    rows = await sql.execute(DRIFTED, [DRIFT_S])
    for (model,) in await rows.fetchall():
        await ask(sql, model, "drift", "the loss of the serving version rose")


async def ask(sql: Connection, model: str, trigger: Trigger, reason: str) -> None:
    """Ask for a training, where none was asked for yet."""
    await sql.execute(
        "INSERT INTO train_requests (model, trigger, reason) SELECT %(model)s, %(trigger)s, %(reason)s "
        "WHERE NOT EXISTS (SELECT FROM train_requests "
        "WHERE run_id IS NULL AND model = %(model)s AND trigger = %(trigger)s)",
        {"model": model, "trigger": trigger, "reason": reason},
    )
