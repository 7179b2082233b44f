"""A replay gives the same bytes under every Python that the project supports, and whatever the seed of its hashes."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.replay.test_whatif import events, market

__all__ = ["events", "market"]

ROOT = Path(__file__).parents[2]
UV = ROOT / "build" / "bootstrap" / "bin" / "uv"
VERSIONS = ("3.11", "3.12", "3.13")


def python(version: str) -> Path:
    """An interpreter of that version with what the lock names; skips where the machine has none."""
    if sys.version_info[:2] == tuple(map(int, version.split("."))):
        return Path(sys.executable)
    found = next(filter(_runs, [f"python{version}", *_by_pyenv(version)]), None)
    if found is None:
        pytest.skip(f"no Python {version} on this machine")
    environment = ROOT / "build" / f"python-{version}"
    subprocess.run(
        [UV, "sync", "--locked", "--quiet", "--extra", "local", "--python", found],
        cwd=ROOT,
        env=os.environ
        | {"UV_PROJECT_ENVIRONMENT": str(environment), "UV_PYTHON_DOWNLOADS": "never"},
        check=True,
    )
    return environment / "bin" / "python"


def _by_pyenv(version: str) -> list[str]:
    """pyenv keeps them where no search path leads."""
    return [str(p) for p in (Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python")]


def _runs(interpreter: str) -> bool:
    """pyenv has a shim of that name for versions that do not run."""
    command = shutil.which(interpreter)
    return (
        command is not None and subprocess.run([command, "-V"], capture_output=True).returncode == 0
    )


def hashes(interpreter: Path, directory: Path, seed: str) -> dict[str, str]:
    done = subprocess.run(
        [interpreter, "-m", "tests.replay.hashed", directory],
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return told


def test_two_seeds_of_hashes_give_the_same_bytes(market: Path) -> None:
    first = hashes(Path(sys.executable), market, "0")
    assert len(first) > 8
    assert hashes(Path(sys.executable), market, "12345") == first


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("version", VERSIONS[1:])
def test_another_python_gives_the_same_bytes(market: Path, version: str) -> None:
    assert hashes(python(version), market, "1") == hashes(python(VERSIONS[0]), market, "0")
