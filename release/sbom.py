"""`make sbom`: a CycloneDX list of what an installation holds, which must be what the lock names, no more and no less.

`python -m release.sbom PYTHON OUT [EXTRA...]`; PYTHON is the installation's.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from release import locked

SPEC = "1.6"
OWN = "headrace"
TOOL = locked.ROOT / "build" / "ops" / "venv" / "bin" / "cyclonedx-py"
UV = locked.ROOT / "build" / "bootstrap" / "bin" / "uv"


def components(sbom: Mapping[str, Any]) -> dict[str, str]:
    """Canonical name -> version of everything but ourselves."""
    found = {canonicalize_name(c["name"]): c["version"] for c in sbom["components"]}
    return {name: version for name, version in found.items() if name != OWN}


def differences(listed: Mapping[str, str], wanted: Mapping[str, str]) -> list[str]:
    """Where a list and the lock do not agree."""
    names = sorted({*listed, *wanted})
    return [
        f"{name}: the installation has {listed.get(name, 'none')}, the lock {wanted.get(name, 'none')}"
        for name in names
        if listed.get(name) != wanted.get(name)
    ]


def make(python: Path, out: Path) -> dict[str, Any]:
    """Write the list of an installation; the same bytes for the same installation."""
    out.parent.mkdir(parents=True, exist_ok=True)
    words = [
        str(TOOL),
        "environment",
        "--output-reproducible",
        "--spec-version",
        SPEC,
        "--of",
        "JSON",
    ]
    words += [
        "--pyproject",
        str(locked.ROOT / "pyproject.toml"),
        "--output-file",
        str(out),
        str(python),
    ]
    subprocess.run(words, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(out.read_text())
    return found


def main(arguments: list[str]) -> int:
    python, out, *extras = arguments
    listed = components(make(Path(python), Path(out)))
    wrong = differences(listed, locked.versions(locked.export(str(UV), extras)))
    for line in wrong:
        print(line)
    print(f"{out}: {len(listed)} components, {len(wrong)} differences from the lock")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
