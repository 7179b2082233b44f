"""Faults under load in processes of their own; `make crash PART=sink` plays all of them, as often as one likes."""

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.verify import database as rows
from api.verify import history
from api.verify.history import Violation
from sinks.local import LocalPostgres
from tests.sinks import breaks, disk, faults
from tests.sinks.compare import compare
from tests.sinks.load import Load
from tests.sinks.scene import Scene

pytestmark = [pytest.mark.crash, pytest.mark.timeout(600)]

QUICK = (0.2, 0.8)


def verified(scene: Scene) -> list[Violation]:
    """What `headrace verify` has to say about the rows."""

    async def run() -> list[Violation]:
        whole = await history.read(scene.kafka)
        return (await rows.check(scene.database.url, whole))[1]

    return asyncio.run(run())


@pytest.fixture
def scene(kafka: str, app: str, tmp_path: Path) -> Iterator[Scene]:
    with LocalPostgres(tmp_path / "postgres") as database:
        yield Scene(kafka, database, tmp_path, app, random.Random(1), QUICK)


def test_kills_at_random_and_within_the_transaction_leave_no_gap_and_no_double(
    scene: Scene,
) -> None:
    scene.load = Load(scene.kafka, scene.chance, poison=True, jumps=True)
    with scene.under_load():
        breaks.kill_sink(scene, 1)
        breaks.kill_at_points(scene, 1)
    scene.drain()
    assert scene.load.poisoned > 0
    assert compare(scene.kafka, scene.database.url) + scene.violations == []
    assert verified(scene) == []


def test_a_database_that_is_stopped_and_killed_under_load_misses_nothing(scene: Scene) -> None:
    assert faults.play("database", 2, scene).violations == []


@pytest.mark.soak
@pytest.mark.parametrize(("fault", "down_s"), [("database", 60.0), ("lock", 30.0)])
def test_what_is_taken_away_for_long_under_load_misses_nothing(
    fault: str, down_s: float, scene: Scene
) -> None:
    scene.down_s = (down_s, down_s)
    assert faults.play(fault, 1, scene).violations == []
    print(f"stored again {scene.recovered_s[0]:.1f} s after {fault} of {down_s:.0f} s")


@pytest.mark.soak
@pytest.mark.parametrize("name", [name for name in breaks.PARTS if name != "disk"])
def test_every_fault_leaves_what_the_log_holds(name: str, scene: Scene) -> None:
    assert faults.play(name, 3, scene).violations == []


@pytest.mark.soak
def test_a_full_disk_leaves_what_the_log_holds(kafka: str, app: str, tmp_path: Path) -> None:
    with disk.small(tmp_path / "small") as mounted:
        if not mounted:
            pytest.skip("no file system can be mounted here")
        with LocalPostgres(tmp_path / "small" / "postgres") as database:
            scene = Scene(kafka, database, tmp_path, app, random.Random(1), QUICK)
            assert faults.play("disk", 2, scene).violations == []


def test_a_comparison_finds_what_is_missing_different_or_invented(scene: Scene) -> None:
    with scene.under_load():
        pass
    scene.drain()
    url = scene.database.url
    assert compare(scene.kafka, url) == []
    assert verified(scene) == []
    with breaks.session(scene) as sql:
        sql.execute("DELETE FROM trades WHERE ctid = (SELECT min(ctid) FROM trades)")
        sql.execute("UPDATE fills SET fee = 1 WHERE ctid = (SELECT min(ctid) FROM fills)")
        sql.execute(
            "UPDATE positions SET log_offset = -1 WHERE ctid = (SELECT min(ctid) FROM positions)"
        )
        sql.execute("CREATE TEMP TABLE copied AS SELECT * FROM order_events LIMIT 1")
        sql.execute("UPDATE copied SET ts = 'epoch'")
        sql.execute("INSERT INTO order_events TABLE copied")
    found = "\n".join(compare(scene.kafka, url))
    for words in (
        "trades: missing", "fills: other contents", "positions: not in the log", "order_events: twice",
    ):  # fmt: skip
        assert words in found
    told = "\n".join(violation.detail for violation in verified(scene))
    for words in (
        "is not in the table trades",
        "table fills (",
        "more than once in the table order_events",
    ):
        assert words in told
