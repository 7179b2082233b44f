"""A drill passes when everything that was checked holds and nothing took longer, or lost more, than is promised."""

import asyncio
import json
from pathlib import Path

import pytest

from api.commands.drill import table
from api.drills import run
from api.drills.report import TARGETS, Report
from streams.settings import Settings


def passed(part: str = "latest") -> Report:
    report = Report(part, rpo_s=0.5, rto_s=10.0)
    report.check("all keys are there", True)
    return report


def test_drill_within_its_targets_passes() -> None:
    assert passed().passes


@pytest.mark.parametrize(
    ("rpo_s", "rto_s"), [(1.1, 10.0), (None, 10.0), (0.5, 600.1)], ids=["rpo", "unmeasured", "rto"]
)
def test_missed_target_fails(rpo_s: float | None, rto_s: float) -> None:
    report = passed()
    report.rpo_s, report.rto_s = rpo_s, rto_s
    assert not report.passes


def test_one_check_that_does_not_hold_fails() -> None:
    report = passed()
    report.check("no key is older", False, "3 keys")
    assert not report.passes


def test_drill_that_checked_nothing_fails() -> None:
    assert not Report("latest", rpo_s=0.0, rto_s=0.0).passes


def test_topics_have_no_rpo_of_their_own() -> None:
    report = Report("topics", rto_s=1.0)
    report.check("the first order is filled", True)
    assert report.passes


def test_report_says_what_was_promised_and_found(tmp_path: Path) -> None:
    file = passed().write(tmp_path)
    found = json.loads(file.read_text())
    assert file.name.startswith("drill-latest-20") and file.name.endswith("Z.json")
    assert (found["verdict"], found["rpo_target_s"], found["rto_target_s"]) == (
        "passed",
        1.0,
        600.0,
    )
    assert found["checks"] == [{"name": "all keys are there", "holds": True, "detail": ""}]
    assert found["versions"]["headrace"]


def test_every_part_with_a_target_has_a_drill() -> None:
    assert run.DRILLS.keys() == TARGETS.keys()
    assert table([passed(part) for part in TARGETS]).row_count == len(TARGETS)


@pytest.mark.parametrize("profile", ["production", "PROD", "live"])
def test_production_is_refused(profile: str) -> None:
    with pytest.raises(run.DrillRefused, match="production"):
        asyncio.run(run.run("latest", Settings(profile=profile), print))
