"""What the database knows of a model's trainings decides when it is trained again, and with what it is told."""

import time
from typing import Any

import msgspec
import psycopg
import pytest
from typer.testing import CliRunner

from api.cli import app
from api.train import session, standing, tracker
from api.train.tracker import Connection
from models.batch.config import NO_END, Config
from models.batch.due import due
from tests.train.rows import MODEL
from tests.train.test_bars import CONFIG as OF_BARS
from tests.train.test_run import CONFIG, select, with_sql

VERSION = """
INSERT INTO model_versions
    (model, version, kind, algorithm, format, lane, set_hash, spec, parent, cutoff_ns, record, state, created_at)
VALUES (%s, 'v1', 'batch', 'lgbm', 'lgbm-1', 'inline', '', '', '', 0, %s, 'registered',
    now() - %s * interval '1 hour')"""


def told(url: str, run_h: float, version_h: float, *asked: str, config: Config = CONFIG) -> None:
    """A run so many hours ago, a version that old of seven days at most, and open requests."""

    async def work(sql: Connection) -> None:
        await tracker.queue(sql, "r0", "manual", config, {})
        await tracker.start(sql, "r0")
        await sql.execute(
            "UPDATE train_runs SET started_at = now() - %s * interval '1 hour'", [run_h]
        )
        record = f'{{"max_age_ns": {7 * 24 * 3600 * 10**9}}}'
        await sql.execute(VERSION, [config.model, record, version_h])
        for trigger in asked:
            await tracker.ask(sql, config.model, trigger, "a test")  # type: ignore[arg-type]

    with_sql(url, work)


def wanted(url: str, now: int) -> list[tuple[Config, tracker.Trigger]]:
    async def work(sql: Connection) -> list[tuple[Config, tracker.Trigger]]:
        return await session.wanted(sql, "history", now)

    found: list[tuple[Config, tracker.Trigger]] = with_sql(url, work)
    return found


@pytest.mark.parametrize(
    ("run_h", "version_h", "asked", "trigger"),
    [
        (23.9, 23.9, (), None),
        (24.1, 24.1, (), "schedule"),
        (7, 134.3, (), None),
        (7, 134.5, (), "expiry"),
        (7, 8, ("drift",), "drift"),
        (5.9, 8, ("drift",), None),
        (0.1, 0.1, ("manual",), "manual"),
    ],
)
def test_a_model_is_due_by_its_runs_its_version_and_its_requests(
    database: str, run_h: float, version_h: float, asked: tuple[str, ...], trigger: str | None
) -> None:
    told(database, run_h, version_h, *asked)
    assert [found for _, found in wanted(database, 0)] == ([trigger] if trigger else [])


def test_a_model_over_bars_is_trained_again_on_all_there_are_by_now(database: str) -> None:
    told(database, 25, 25, config=msgspec.structs.replace(OF_BARS, since=5, until=7))
    ((config, trigger),) = wanted(database, 9)
    assert (trigger, config.since, config.until, config.origin) == ("schedule", 5, NO_END, "test")


def test_the_command_says_what_is_not_due_and_trains_what_is(database: str) -> None:
    """The training itself ends as refused here: no examples are in the database."""
    environment = {"HEADRACE_POSTGRES_URL": database}

    def asked() -> Any:
        return CliRunner().invoke(app, ["train", "--due"], env=environment, catch_exceptions=False)

    told(database, 7, 8)
    assert (asked().exit_code, "no model is due" in asked().output) == (0, True)
    with psycopg.connect(database) as sql:
        sql.execute("UPDATE train_runs SET started_at = now() - interval '25 hours'")
    ran = asked()
    assert (ran.exit_code, "failed too_few" in ran.output) == (1, True), ran.output
    runs = "SELECT trigger, state FROM train_runs ORDER BY queued_at DESC LIMIT 1"
    assert select(database, runs) == [("schedule", "failed")]


def test_a_request_is_taken_up_by_the_next_run_and_asked_once(database: str) -> None:
    async def work(sql: Connection) -> None:
        await tracker.ask(sql, MODEL, "drift", "ADWIN")
        await tracker.ask(sql, MODEL, "drift", "PSI")
        assert [each.trigger for each in due(await standing.standings(sql))] == ["drift"]
        await tracker.queue(sql, "r1", "drift", CONFIG, {})
        await tracker.start(sql, "r1")
        await tracker.ask(sql, MODEL, "drift", "again")
        (found,) = await standing.standings(sql)
        assert found.asked == {"drift"}
        assert found.run_age is not None
        assert due([found]) == []  # it cools down

    with_sql(database, work)
    assert select(database, "SELECT reason, run_id FROM train_requests ORDER BY request") == [
        ("ADWIN", "r1"), ("again", None)
    ]  # fmt: skip


def test_a_drift_of_what_serves_asks_for_a_training_with_what_the_last_one_was_told(
    database: str,
) -> None:
    async def work(sql: Connection) -> None:
        now = time.time_ns()
        last = msgspec.structs.replace(CONFIG, seed=99, left_out=("vpin",))
        await tracker.queue(sql, "r0", "manual", last, {})
        await tracker.start(sql, "r0")
        await sql.execute("UPDATE train_runs SET started_at = now() - interval '7 hours'")
        assert await session.wanted(sql, "history", now) == []
        await sql.execute(
            "INSERT INTO predictions (ts, log_partition, log_offset, prediction_id, symbol, model, version, abstain, "
            "learned, outputs, bid, ask, mid2, volatility_bps, features_topic, features_partition, features_offset, "
            "event_ns, flags) VALUES (now(), 0, 0, 'p', 's', %s, 'lin', '', 0, '[]', 1, 1, 2, 0, '', 0, 0, 0, "
            """'["held","drift_hold"]')""",
            [MODEL],
        )
        ((config, trigger),) = await session.wanted(sql, "history", now)
        assert (trigger, config.seed, config.left_out) == ("drift", 99, ("vpin",))
        assert (config.source, config.until, config.since) == (
            "history",
            now,
            now - session.WINDOW_NS,
        )

    with_sql(database, work)
