"""Each drill as it is run: a part is lost on a fresh copy and comes back within what is promised."""

import asyncio
import json
import os
from pathlib import Path

import psycopg
import pytest
from rich.console import Console

from api.commands.drill import table
from api.drills import archived, history, registry, run
from api.drills.report import TARGETS, Report
from sinks import drills, migrate, registry_copy
from sinks.registry_copy import CopyRefused
from streams.settings import Settings

needs_backup = pytest.mark.skipif(
    bool(archived.missing()) and os.environ.get("CI") != "true", reason=archived.missing() or "-"
)


def failed(report: Report) -> list[str]:
    return [f"{check.name} ({check.detail})" for check in report.checks if not check.holds]


@needs_backup
@pytest.mark.postgres
def test_history_comes_back_to_the_moment_before_it_was_deleted(tmp_path: Path) -> None:
    report = asyncio.run(history.drill(tmp_path, print, history.Probes(), has_log=False))
    assert (failed(report), report.passes) == ([], True)
    assert len(report.checks) == 3


@pytest.mark.postgres
def test_registry_comes_back_from_its_copy(tmp_path: Path) -> None:
    report = asyncio.run(registry.drill(tmp_path, print, with_features=False))
    assert (failed(report), report.passes) == ([], True)
    damaged = tmp_path / "copy" / "public.model_artifacts"
    damaged.write_bytes(damaged.read_bytes().replace(b"0", b"1", 1))
    with pytest.raises(CopyRefused, match="is not what was copied"):
        registry_copy.read(tmp_path / "copy")
    (tmp_path / "copy" / registry_copy.MANIFEST).unlink()
    with pytest.raises(CopyRefused, match="no whole copy"):
        registry_copy.read(tmp_path / "copy")


def test_result_of_a_drill_is_kept_in_the_database(postgres: str) -> None:
    report = Report("latest", rpo_s=0.5, rto_s=10.0)
    report.check("all keys are there", True)

    async def keep() -> None:
        async with await psycopg.AsyncConnection.connect(postgres, autocommit=True) as connection:
            await migrate.migrate(connection)
        await drills.record(postgres, report.content())

    asyncio.run(keep())
    with psycopg.connect(postgres) as session:
        row = session.execute(
            "SELECT part, verdict, rpo_s, rto_target_s, report->>'part' FROM ops_drills ORDER BY drill DESC"
        ).fetchone()
    assert row == ("latest", "passed", 0.5, 600.0, "latest")


@pytest.mark.soak
@pytest.mark.kafka
@pytest.mark.timeout(600)
@pytest.mark.parametrize("part", TARGETS)
def test_whole_drill(part: str, tmp_path: Path) -> None:
    report = asyncio.run(run.run(part, Settings(profile="simulation"), print))
    Console(width=120).print(table([report]))
    assert (failed(report), report.passes) == ([], True)
    assert json.loads(report.write(tmp_path).read_text())["verdict"] == "passed"
