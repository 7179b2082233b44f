"""A run that is killed at any point goes on to what an unharmed run leaves."""

import asyncio
import sys
from pathlib import Path

import pytest

from api.backfill.run import POINTS
from api.demo.venue import listening
from streams.crash import KILLED
from tests.backfill.conftest import empty
from tests.backfill.scene import Scene, rows, table_hash

CASES = [
    (point, number)
    for point in POINTS
    for number in (1, 2)
    if point not in ("begun", "ending") or number == 1
]
QUICK = [("loading", 1), ("loaded", 2)]


def killed(scene: Scene, point: str) -> int:
    """The exit code of a process that carries the scene out and dies there."""

    async def run() -> int:
        async with listening(scene.venue) as venue:
            given = (scene.database, str(scene.folder), venue.url, point)
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.backfill.process", *given
            )
            return await process.wait()

    return asyncio.run(run())


@pytest.mark.crash
@pytest.mark.parametrize(
    ("point", "number"),
    [pytest.param(*case, marks=[] if case in QUICK else pytest.mark.soak) for case in CASES],
)
def test_a_killed_run_goes_on_to_the_same_tables(
    database: str, tmp_path: Path, point: str, number: int
) -> None:
    Scene(database, tmp_path).run()
    wanted = table_hash(database)
    empty(database)

    scene = Scene(database, tmp_path)
    assert killed(scene, f"{point}:{number}") == KILLED
    ((state,),) = rows(database, "SELECT state FROM backfill_runs")
    assert state == "running"
    partly = rows(database, "SELECT count(*) FROM bars")
    loaded = rows(database, "SELECT 24 * count(*) FROM backfill_chunks WHERE state = 'loaded'")
    assert partly == loaded

    outcome = Scene(database, tmp_path).run()
    assert outcome.ending.state == "succeeded"
    assert table_hash(database) == wanted
    assert rows(database, "SELECT count(*) FROM backfill_runs") == [(1,)]
    asked = "SELECT rows_loaded, rows_changed, chunks_loaded FROM backfill_runs"
    assert rows(database, asked) == [(48, 48, 2)]
