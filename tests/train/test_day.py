"""A day's bars and examples are judged as they lie in the database, and what is found is kept."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

from api.cli import app
from api.quality.day import DAY, Day, Found, check
from models.quality.check import check as check_fast
from models.quality.constraints import Column
from models.quality.request import Rules, constraints, prepared
from models.quality.verdict import Verdict
from sinks.history import History
from streams.topics import EXAMPLES
from tests.sinks.messages import batch_of
from tests.train.candles import store
from tests.train.rows import MODEL, START_NS, examples
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


def test_a_day_that_is_none_is_a_wrong_use(filled: str) -> None:
    environment = {"HEADRACE_POSTGRES_URL": filled}
    result = CliRunner().invoke(app, ["verify", "quality", "--day", "yesterday"], env=environment)
    assert result.exit_code == 64
