"""What a version is made with: the code and the libraries, by their names and versions."""

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

LIBRARIES = ("headrace", "lightgbm", "scikit-learn", "numpy", "scipy")
ROOT = Path(__file__).parents[2]


def provenance() -> dict[str, str]:
    """Library versions, and the commit where this runs from a checkout."""
    found = {name: _version(name) for name in LIBRARIES}
    return {"commit": _commit(), "python": platform.python_version(), **found}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _commit() -> str:
    """`git rev-parse HEAD`, with a plus where files differ from it; empty outside of a checkout."""
    try:
        commit = _git("rev-parse", "HEAD")
        return commit + ("+" if _git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return ""


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(ROOT), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
