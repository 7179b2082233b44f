"""The record of replays, backtests, trainings and backfills: one that was cut short goes on where it stopped."""

from collections.abc import Mapping
from typing import Any, Literal

import psycopg
from psycopg.types.json import Json

Kind = Literal["replay", "backtest", "training", "backfill"]
End = Literal["succeeded", "rejected", "failed", "interrupted"]
Connection = psycopg.AsyncConnection[Any]

STALE_S = 60
"""A run whose heartbeat is older has lost its process."""

BEGIN = """
INSERT INTO runs (run_id, kind, state, config) VALUES (%s, %s, 'running', %s)
ON CONFLICT (run_id) DO UPDATE SET state = 'running', heartbeat_at = now(), ended_at = NULL, error = ''
WHERE runs.kind = excluded.kind AND runs.config::jsonb = excluded.config::jsonb
    AND runs.state NOT IN ('succeeded', 'running')"""

STEP = """
WITH beat AS (UPDATE runs SET heartbeat_at = now() WHERE run_id = %(run)s AND state = 'running' RETURNING run_id)
INSERT INTO run_tracker (run_id, step, row_count, sha256)
SELECT run_id, %(step)s, %(rows)s, %(sha256)s FROM beat
ON CONFLICT (run_id, step) DO UPDATE
SET row_count = excluded.row_count, sha256 = excluded.sha256, done_at = now()"""

END = """
UPDATE runs SET state = %s, ended_at = now(), heartbeat_at = now(), result = %s, error = %s
WHERE run_id = %s AND state = 'running'"""

INTERRUPT = """
UPDATE runs SET state = 'interrupted', ended_at = now()
WHERE state = 'running' AND heartbeat_at < now() - make_interval(secs => %s) RETURNING run_id"""


class RunRefused(Exception):
    """A run that cannot begin, or is not running any more."""


async def begin(
    sql: Connection, run_id: str, kind: Kind, config: Mapping[str, object]
) -> dict[str, str]:
    """Begin a run, or resume it: the SHA-256 of each step that is done already.

    Raises RunRefused when it runs elsewhere, has succeeded, or has begun with another configuration.
    """
    async with sql.transaction():
        begun = await sql.execute(BEGIN, [run_id, kind, Json(config)])
        if begun.rowcount != 1:
            raise RunRefused(
                f"{run_id} runs already, has succeeded, or was begun with another configuration"
            )
        rows = await sql.execute("SELECT step, sha256 FROM run_tracker WHERE run_id = %s", [run_id])
        return dict(await rows.fetchall())


async def step_done(sql: Connection, run_id: str, step: str, rows: int, sha256: str) -> None:
    """A step's rows are stored: call it in their transaction. Again is the same as once. Raises RunRefused."""
    given = {"run": run_id, "step": step, "rows": rows, "sha256": sha256}
    if (await sql.execute(STEP, given)).rowcount != 1:
        raise RunRefused(f"{run_id} is not running")


async def end(
    sql: Connection, run_id: str, state: End, result: object = None, error: str = ""
) -> None:
    """The run is over. Raises RunRefused when it was not running."""
    if (await sql.execute(END, [state, Json(result), error, run_id])).rowcount != 1:
        raise RunRefused(f"{run_id} is not running")


async def interrupt_stale(sql: Connection, stale_s: float = STALE_S) -> list[str]:
    """Mark the runs whose processes are gone, so that they can be resumed; their names."""
    return [run_id for (run_id,) in await (await sql.execute(INTERRUPT, [stale_s])).fetchall()]
