"""Runs and their steps: one that was cut short is resumed, one that has succeeded is not run again."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
import pytest

from sinks import runs
from sinks.migrate import migrate
from sinks.runs import Connection, RunRefused

CONFIG = {"from": "2026-01-01", "symbols": ["BTC/USD"]}


def with_runs(url: str, work: Callable[[Connection], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as sql:
            await migrate(sql)
            return await work(sql)

    return asyncio.run(run())


def test_a_run_that_was_cut_short_is_resumed_with_the_steps_it_has_done(database: str) -> None:
    async def work(sql: Connection) -> None:
        assert await runs.begin(sql, "r1", "backfill", CONFIG) == {}
        await runs.step_done(sql, "r1", "2026-01", 720, "aa")
        await runs.step_done(sql, "r1", "2026-01", 720, "ab")
        assert await runs.interrupt_stale(sql) == []
        assert await runs.interrupt_stale(sql, -1) == ["r1"]
        with pytest.raises(RunRefused, match="not running"):
            await runs.step_done(sql, "r1", "2026-02", 1, "bb")
        assert await runs.begin(sql, "r1", "backfill", CONFIG) == {"2026-01": "ab"}

    with_runs(database, work)


def test_a_run_is_not_begun_twice_and_not_with_another_configuration(database: str) -> None:
    async def work(sql: Connection) -> None:
        await runs.begin(sql, "r1", "training", CONFIG)
        with pytest.raises(RunRefused):
            await runs.begin(sql, "r1", "training", CONFIG)
        await runs.end(sql, "r1", "failed", error="no data")
        with pytest.raises(RunRefused):
            await runs.begin(sql, "r1", "training", {**CONFIG, "from": "2025-01-01"})
        await runs.begin(sql, "r1", "training", CONFIG)
        await runs.end(sql, "r1", "succeeded", {"logloss": 0.69})
        for refused in (runs.begin(sql, "r1", "training", CONFIG), runs.end(sql, "r1", "failed")):
            with pytest.raises(RunRefused):
                await refused

    with_runs(database, work)


def test_a_step_counts_only_with_the_rows_it_tells_of(database: str) -> None:
    async def work(sql: Connection) -> None:
        await runs.begin(sql, "r1", "backfill", CONFIG)
        with pytest.raises(ZeroDivisionError):
            async with sql.transaction():
                await runs.step_done(sql, "r1", "2026-01", 720, "aa")
                raise ZeroDivisionError
        await runs.end(sql, "r1", "interrupted")
        assert await runs.begin(sql, "r1", "backfill", CONFIG) == {}

    with_runs(database, work)
