"""A run's row, its versions and their files are there together or not at all, and a dead run is known as such."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest

from api.registry import versions
from api.train import session, sources, tracker
from api.train.run import Result
from api.train.tracker import Busy, Connection, RunLost
from models.batch.config import Config
from models.quality.frame import validate_frame
from models.quality.verdict import Result as Expectation
from models.quality.verdict import Verdict
from streams.predictions import Example, ModelVersion
from streams.settings import Settings
from tests.train.rows import MODEL, SECOND_NS, START_NS, examples

pytestmark = pytest.mark.batch
CONFIG = Config(MODEL, 0, 2**62, source="examples")
HOURS = 180 * SECOND_NS


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of examples as a replay keeps them."""
    return kept(tmp_path_factory.mktemp("rows"), examples(8_600, step_ns=HOURS))


def kept(folder: Path, found: list[Example]) -> Path:
    path = folder / "examples.jsonl"
    path.write_bytes(b"\n".join(map(msgspec.json.encode, found)) + b"\n")
    return path


def with_sql(url: str, work: Callable[[Connection], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        async with await session.connected(settings(url)) as sql:
            return await work(sql)

    return asyncio.run(run())


def settings(url: str) -> Settings:
    return Settings(postgres_url=url)


def train(url: str, path: Path, reason: str = "", config: Config = CONFIG) -> Result:
    async def work(sql: Connection) -> Result:
        return await session.train(
            settings(url), sql, config, "manual", path, lambda columns, rules: said(reason)
        )

    result: Result = with_sql(url, work)
    return result


def said(reason: str = "") -> Verdict:
    return Verdict((Expectation("y", not reason, reason),))


def select(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as sql:
        return sql.execute(query.encode()).fetchall()


def test_the_run_its_versions_and_their_files_are_stored_together(
    database: str, rows: Path
) -> None:
    result = train(database, rows)
    assert result.outcome.state == "succeeded"
    stored: list[ModelVersion] = with_sql(database, versions.every)
    assert {each.version for each in stored} == set(result.outcome.versions)
    assert {each.state for each in stored} == {"registered"}
    artefacts = dict(select(database, "SELECT sha256, bytes FROM model_artifacts"))
    for each in result.trained:
        assert each.files.keys() == {file.name for file in each.version.files}
        for file in each.version.files:
            assert artefacts[file.sha256] == each.files[file.name]
    row = select(
        database,
        "SELECT state, trigger, test_looks, config_sha256, dataset_sha256, error, purged ->> 'train' FROM train_runs",
    )
    outcome = result.outcome
    assert row == [
        ("succeeded", "manual", 1, CONFIG.sha256(), outcome.dataset_sha256, "",
         str(outcome.purged["train"]))
    ]  # fmt: skip

    again = train(database, rows)
    assert again.outcome.versions == result.outcome.versions
    assert again.outcome.test_looks == 2
    assert len(with_sql(database, versions.every)) == 2
    assert len(select(database, "SELECT FROM model_artifacts")) == len(artefacts)


def test_a_version_below_its_thresholds_is_stored_and_rejected(
    database: str, tmp_path: Path
) -> None:
    result = train(database, kept(tmp_path, examples(8_600)))
    assert result.outcome.state == "rejected"
    assert {each.state for each in with_sql(database, versions.every)} == {"rejected"}
    assert select(database, "SELECT state FROM train_runs") == [("rejected",)]


@pytest.mark.parametrize("why", ["too_few", "quality", "crash"])
def test_nothing_is_registered_of_rows_that_cannot_be_learned_from(
    why: str, database: str, rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if why == "crash":
        monkeypatch.setattr("models.batch.train.fit", lambda *given: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            train(database, rows)
        why = "ZeroDivisionError: division by zero"
    elif why == "quality":
        result = train(database, rows, reason="y: every one is 1")
        assert result.outcome.error.startswith(why)
    else:
        config = msgspec.structs.replace(CONFIG, until=START_NS + 100 * HOURS)
        assert train(database, rows, config=config).outcome.error.startswith(why)
    ((state, error),) = select(database, "SELECT state, error FROM train_runs")
    assert state == "failed"
    assert error.startswith(why)
    if why.startswith("quality"):
        found = "SELECT expectation, held, observed FROM quality_results"
        assert select(database, found) == [("y", False, "y: every one is 1")]
    for table in ("model_versions", "model_artifacts", "test_looks"):
        assert select(database, f"SELECT FROM {table}") == []


def test_what_cannot_be_validated_is_not_learned_from(
    database: str, rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(*given: Any, **named: Any) -> Any:
        return validate_frame(*given, **named, timeout_s=0.01)

    monkeypatch.setattr("api.train.session.validate_frame", late)

    async def work(sql: Connection) -> Result:
        return await session.train(settings(database), sql, CONFIG, "manual", rows)

    result: Result = with_sql(database, work)
    assert result.outcome.state == "failed"
    assert result.outcome.error.startswith("quality: ")
    assert select(database, "SELECT FROM model_versions") == []
    ((run_id, expectation, held, observed),) = select(
        database, "SELECT run_id, expectation, held, observed FROM quality_results"
    )
    assert (run_id, expectation, held) == (result.run_id, "validated", False)
    assert observed in result.outcome.error


def test_a_model_is_trained_by_one_process_at_a_time(database: str, rows: Path) -> None:
    async def work(sql: Connection) -> None:
        async with tracker.training(sql, MODEL):
            async with await session.connected(settings(database)) as other:
                with pytest.raises(Busy):
                    await session.train(settings(database), other, CONFIG, "manual", rows)
        async with tracker.training(sql, MODEL):
            pass

    with_sql(database, work)
    assert select(database, "SELECT FROM train_runs") == []


def test_a_run_whose_process_is_gone_is_interrupted_and_can_store_nothing(database: str) -> None:
    async def work(sql: Connection) -> None:
        await tracker.queue(sql, "r1", "manual", CONFIG, {})
        await tracker.start(sql, "r1")
        assert await tracker.interrupt_stale(sql) == []
        await sql.execute("UPDATE train_runs SET heartbeat_at = now() - interval '61 seconds'")
        assert await tracker.interrupt_stale(sql) == ["r1"]
        with pytest.raises(RunLost):
            await tracker.end(sql, "r1", tracker.Outcome("succeeded"))
        await tracker.queue(sql, "r2", "manual", CONFIG, {})
        await tracker.start(sql, "r2")
        async with tracker.training(sql, MODEL):  # who has the lock knows that no other runs
            states = await (await sql.execute("SELECT run_id, state FROM train_runs")).fetchall()
            assert sorted(states) == [("r1", "interrupted"), ("r2", "interrupted")]

    with_sql(database, work)


def test_the_heart_beats_while_a_run_lasts(database: str) -> None:
    async def work(sql: Connection) -> None:
        await tracker.queue(sql, "r1", "manual", CONFIG, {})
        await sql.execute("UPDATE train_runs SET heartbeat_at = now() - interval '1 hour'")
        async with tracker.beating(database, ["r1"], every_s=0.01), asyncio.timeout(10):
            old = "SELECT FROM train_runs WHERE heartbeat_at < now() - interval '60 seconds'"
            while (await sql.execute(old)).rowcount:  # noqa: ASYNC110  another process's row
                await asyncio.sleep(0.01)

    with_sql(database, work)


def test_what_is_read_of_the_history_is_what_the_sink_wrote(database: str) -> None:
    from sinks.history import History
    from streams.topics import EXAMPLES
    from tests.sinks.messages import batch_of

    given = examples(20)

    async def work() -> list[Example]:
        history = History(database)
        await history.connect()
        await history.claim([(EXAMPLES.name, 0)])
        await history.commit(batch_of(EXAMPLES, given))
        await history.close()
        wanted = sources.Range(MODEL, START_NS, START_NS + 5 * SECOND_NS // 4)
        return await sources.collected(sources.history(database, wanted))

    found = sorted(asyncio.run(work()), key=lambda each: each.features_ref.offset)
    assert found == given[:10]
