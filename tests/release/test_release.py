"""What a release is made of: one version, notes that say what it can read, workflows that run what anyone runs."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from release import notes

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yaml"))
USES = re.compile(r"uses: (\S+)@([0-9a-f]{40}) # v[0-9.]+$")
GOOD = f"""# Changelog

## {notes.version()} - 2026-12-01

{notes.compatibility()}

- The rest.

## 0.0.9 - 2026-01-01

Older.
"""


def loaded(workflow: Path) -> dict[Any, Any]:
    found: dict[Any, Any] = yaml.safe_load(workflow.read_text())
    return found


def test_the_version_is_that_of_the_newest_heading() -> None:
    latest, _, text = notes.newest((ROOT / "CHANGELOG.md").read_text())
    assert latest == notes.version()
    assert text


def test_the_changelog_says_which_messages_a_release_reads() -> None:
    text = notes.newest((ROOT / "CHANGELOG.md").read_text())[2]
    assert notes.compatibility().partition(" History")[0] in text.replace("\n", " ")


def test_a_tag_that_agrees_has_its_section_as_notes() -> None:
    assert notes.refusals(f"v{notes.version()}", GOOD) == []
    assert notes.newest(GOOD)[2].endswith("- The rest.")


@pytest.mark.parametrize(
    ("tag", "changelog"),
    [
        ("v9.9.9", GOOD),
        (notes.version(), GOOD),
        (f"v{notes.version()}", GOOD.replace("2026-12-01", "unreleased")),
        (f"v{notes.version()}", GOOD.replace("Messages:", "Nothing:")),
        (f"v{notes.version()}", GOOD.replace(f"## {notes.version()}", "## 8.0.0")),
    ],
)
def test_a_tag_that_does_not_agree_is_refused(tag: str, changelog: str) -> None:
    assert len(notes.refusals(tag, changelog)) == 1


def test_there_are_workflows() -> None:
    assert [path.name for path in WORKFLOWS] == ["ci.yaml", "release.yaml"]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned_by_their_whole_hash(workflow: Path) -> None:
    lines = [line.strip().removeprefix("- ") for line in workflow.read_text().splitlines()]
    used = [line for line in lines if line.startswith("uses:")]
    assert used and all(USES.match(line) for line in used), used


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_may_read_and_no_more_unless_a_job_says_why(workflow: Path) -> None:
    found = loaded(workflow)
    assert found["permissions"] == {"contents": "read"}
    assert "pull_request_target" not in workflow.read_text()
    for name, job in found["jobs"].items():
        assert "timeout-minutes" in job, name
        assert ("permissions" in job) is (workflow.stem == "release"), name
        checkouts = [step for step in job["steps"] if "checkout" in step.get("uses", "")]
        assert all(step["with"]["persist-credentials"] is False for step in checkouts)


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_call_targets_that_there_are(workflow: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    runs = [
        step["run"]
        for job in loaded(workflow)["jobs"].values()
        for step in job["steps"]
        if "run" in step
    ]
    called = {
        word
        for run in runs
        for line in run.splitlines()
        if line.strip().startswith("make ")
        for word in line.split()[1:]
    }
    assert called and called <= targets


def test_ci_runs_what_anyone_runs_on_every_python() -> None:
    job = loaded(WORKFLOWS[0])["jobs"]["check-and-test"]
    assert job["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]
    assert [step["run"] for step in job["steps"] if "run" in step] == ["make check test"]
    assert "make check test" in (ROOT / ".ci" / "run").read_text()
