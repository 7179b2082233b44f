"""A day's bars and examples are judged as they lie in the database, and what is found is kept."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from typer.testing import CliRunner

from api.cli import app
from api.quality.day import DAY, Day, Found, check
from api.quality.shift import check as shifted
from api.registry import versions
from models import registry
from models.batch import shift
from models.labels import UP_1S
from models.quality.check import check as check_fast
from models.quality.constraints import Column
from models.quality.request import Rules, constraints, prepared
from models.quality.verdict import Verdict
from models.report.shift import PSI_WARNING
from sinks.history import History
from streams.predictions import ModelVersion
from streams.topics import EXAMPLES
from tests.sinks.messages import batch_of
from tests.train.candles import store
from tests.train.rows import MODEL, SET, START_NS, examples, frame_of
from tests.train.test_bars import trending

DATE = "2026-01-01"
NAMES = [f"day-{DATE} kraken BTC/USD.T 1h", f"day-{DATE} {MODEL}"]


@pytest.fixture
def filled(database: str) -> str:
    """Two days of bars, and some minutes of examples in the first hour."""
    store(database, "kraken", "1h", trending(48), [(START_NS, START_NS + 2 * DAY)])

    async def work() -> None:
        history = History(database)
        await history.connect()
        await history.claim([(EXAMPLES.name, 0)])
        await history.commit(batch_of(EXAMPLES, examples(2_400)))
        await history.close()

    asyncio.run(work())
    return database


class Quick:
    """The fast check alone."""

    def validate(self, _name: str, columns: Mapping[str, Column], rules: Rules) -> Verdict:
        return check_fast(prepared(columns, rules), constraints(rules))


def judged(url: str) -> list[Found]:
    wanted = Day(f"day-{DATE}", START_NS, START_NS + 2 * DAY)
    return asyncio.run(check(url, wanted, Quick()))


def select(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as sql:
        return sql.execute(query.encode()).fetchall()


def test_a_day_is_judged_and_the_results_are_kept_once(filled: str) -> None:
    for _ in range(2):
        found = judged(filled)
    assert [(part.name, part.chunk, part.verdict.reason) for part in found] == [
        (name, 0, "") for name in NAMES
    ]
    kept = "SELECT run_id, bool_and(held), count(*) FROM quality_results GROUP BY run_id ORDER BY 1"
    assert select(filled, kept) == [(part.name, True, len(part.verdict.results)) for part in found]


@pytest.mark.parametrize(
    ("change", "name", "broken"),
    [
        ("DELETE FROM bars WHERE ts = '2026-01-01 07:00Z'", NAMES[0], "rows"),
        ("UPDATE bars SET high = low WHERE ts = '2026-01-01 07:00Z'", NAMES[0], "high >= open"),
        ("UPDATE examples SET y = 1 WHERE y = 0", NAMES[1], "share of each class"),
        ("UPDATE examples SET v[2] = 0.5", NAMES[1], "queue_imb moves"),
    ],
)
def test_what_is_wrong_with_a_day_is_told(filled: str, change: str, name: str, broken: str) -> None:
    with psycopg.connect(filled) as sql:
        sql.execute(change.encode())
    unfit = [part for part in judged(filled) if not part.verdict.valid]
    assert [part.name for part in unfit] == [name]
    assert broken in [result.expectation for result in unfit[0].verdict.broken]


def test_too_few_examples_say_nothing(filled: str) -> None:
    with psycopg.connect(filled) as sql:
        sql.execute("DELETE FROM examples WHERE log_offset > 90")
    assert [part.name for part in judged(filled)] == NAMES[:1]


@pytest.mark.quality
@pytest.mark.soak
def test_the_nightly_command_judges_with_great_expectations_and_links_its_pages(
    filled: str, tmp_path: Path
) -> None:
    environment = {"HEADRACE_POSTGRES_URL": filled, "HEADRACE_DATA": str(tmp_path)}
    asked = ["verify", "quality", "--day", DATE]
    result = CliRunner().invoke(app, asked, env=environment, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert (tmp_path / "quality" / f"day-{DATE}" / "index.html").as_uri() in result.output
    assert "2 parts judged" in result.output
    with psycopg.connect(filled) as sql:
        sql.execute("DELETE FROM bars WHERE ts = '2026-01-01 07:00Z'")
    result = CliRunner().invoke(app, asked, env=environment, catch_exceptions=False)
    assert (result.exit_code, "rows: 23 rows" in result.output) == (1, True), result.output


def trained_on(url: str, moved: int) -> None:
    """A version whose train rows were those of the day, but for the first features, which were elsewhere."""
    rows = frame_of(examples(2_400))
    columns = dict(zip(SET.names, rows.x.T, strict=True))
    told = {
        name: msgspec.to_builtins(shift.bins(column - 9.0 * (number < moved)))
        for number, (name, column) in enumerate(columns.items())
    }
    version = ModelVersion(
        model=MODEL,
        version="v1",
        kind="batch",
        algorithm="lgbm",
        format="lgbm-1",
        set_hash=SET.hash,
        spec=UP_1S.hash,
        manifest=registry.canonical({"bins": told}),
    )

    async def work() -> None:
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as sql:
            await versions.insert(sql, version)

    asyncio.run(work())


@pytest.mark.parametrize(("moved", "asked"), [(0, []), (2, []), (3, ["drift"])])
def test_a_day_whose_features_moved_from_those_trained_on_asks_for_a_training(
    filled: str, moved: int, asked: list[str]
) -> None:
    trained_on(filled, moved)
    (found,) = asyncio.run(shifted(filled, Day(f"day-{DATE}", START_NS, START_NS + 2 * DAY)))
    assert sum(psi > PSI_WARNING for psi in found.psi.values()) == moved
    assert [trigger for (trigger,) in select(filled, "SELECT trigger FROM train_requests")] == asked
    told = f"SELECT count(*) FILTER (WHERE NOT held) FROM quality_results WHERE run_id = 'day-{DATE} {MODEL} v1'"
    assert select(filled, told) == [(moved,)]


def test_a_day_that_is_none_is_a_wrong_use(filled: str) -> None:
    environment = {"HEADRACE_POSTGRES_URL": filled}
    result = CliRunner().invoke(app, ["verify", "quality", "--day", "yesterday"], env=environment)
    assert result.exit_code == 64
