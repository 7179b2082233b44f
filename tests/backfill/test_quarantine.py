"""What is not validated is not stored, and leaves quarantine only when it proves fit."""

import asyncio
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from api.backfill.carry import Outcome
from api.backfill.record import RunRefused
from api.backfill.releasing import release
from api.backfill.run import Judge
from api.demo.venue import Answer
from models.quality.validator import Validator
from tests.backfill import faults
from tests.backfill.faults import said
from tests.backfill.scene import Quick, Scene, Shape, rows, table_hash
from tests.models.quality.test_validator import FAULTS


def absent(code: str, timeout_s: float = 20) -> Callable[[Path | None], Judge]:
    """A validator whose process runs this in place of Great Expectations."""
    return partial(Validator, timeout_s=timeout_s, command=(sys.executable, "-c", code))


def released(
    database: str,
    folder: Path,
    chunk: int,
    reason: str,
    judge: Callable[[Path | None], Judge] = Quick,
) -> Outcome:
    scene = Scene(database, folder, judge=judge)
    ((run_id,),) = rows(database, "SELECT run_id FROM backfill_runs")
    return asyncio.run(release(scene.order, scene.means(""), run_id, chunk, reason))


@pytest.mark.parametrize(
    ("code", "timeout_s"),
    [(FAULTS["package absent"], 20), (FAULTS["crash"], 20), ("import time; time.sleep(60)", 0.2)],
    ids=["absent", "crash", "time-out"],
)
def test_bars_that_could_not_be_validated_are_not_stored_until_they_can(
    database: str, tmp_path: Path, code: str, timeout_s: float
) -> None:
    outcome = Scene(database, tmp_path, judge=absent(code, timeout_s)).run()
    assert outcome.ending.state == "partial"
    assert rows(database, "SELECT count(*) FROM bars") == [(0,)]
    asked = "SELECT count(*), min(expectation), bool_and(observed LIKE 'not validated%') FROM quarantine"
    assert rows(database, asked) == [(48, "validated", True)]

    assert released(database, tmp_path, 0, "the package is back").changed == 24
    assert released(database, tmp_path, 1, "the package is back").ending.state == "succeeded"
    assert rows(database, "SELECT DISTINCT release_reason FROM quarantine") == [
        ("the package is back",)
    ]
    after = table_hash(database)
    assert Scene(database, tmp_path).run().changed == 0
    assert table_hash(database) == after


def test_a_release_judges_again_and_bypasses_nothing(database: str, tmp_path: Path) -> None:
    Scene(database, tmp_path, "bars", faults={0: said(faults.high_below_low)}).run()
    outcome = released(database, tmp_path, 0, "it looks fine to me")
    assert outcome.ending.state == "partial" and "open >= low" in outcome.ending.error
    assert rows(database, "SELECT count(*) FROM bars") == [(0,)]
    asked = "SELECT count(*) FROM quarantine WHERE released_at IS NULL"
    assert rows(database, asked) == [(48,)]


@pytest.mark.parametrize(
    ("shape", "fault", "sentence"),
    [
        ("trades", said(faults.other_trade), "do not make bars"),
        ("trades", None, "not in quarantine"),
    ],
)
def test_what_cannot_be_judged_is_not_released(
    database: str, tmp_path: Path, shape: Shape, fault: Answer | None, sentence: str
) -> None:
    lacking = said(lambda trades: trades[1:])
    given = {0: fault} if fault else {4: lacking, 5: lacking}
    Scene(database, tmp_path, shape, faults=given).run()
    with pytest.raises(RunRefused, match=sentence):
        released(database, tmp_path, 0, "why not")
    with pytest.raises(RunRefused, match="say with --reason"):
        released(database, tmp_path, 0, "")
    assert rows(database, "SELECT state FROM backfill_runs") == [("partial",)]
