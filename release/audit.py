"""`make audit`: known vulnerabilities of what the lock names, by pip-audit, whose silence is not taken for a pass.

The tool says "no known vulnerabilities" also where it asked nobody. So the packages that it did look up are counted:
one skipped, or fewer than the lock has, ends with 3 and the words NOT RUN.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from packaging.utils import canonicalize_name

from release import locked

FOUND, NOT_RUN = 1, 3
TOOL = locked.ROOT / "build" / "ops" / "venv" / "bin" / "pip-audit"
UV = locked.ROOT / "build" / "bootstrap" / "bin" / "uv"
IGNORED: dict[str, str] = {}
"""Advisories that do not concern us, each with its reason."""


class Verdict(NamedTuple):
    """An exit code and what to print."""

    code: int
    lines: list[str]


def verdict(report: Mapping[str, Any] | None, wanted: Mapping[str, str], said: str) -> Verdict:
    """Judge a report against the lock. report: None where the tool wrote none; said: its last words."""
    if report is None:
        return Verdict(
            NOT_RUN, [f"NOT RUN: pip-audit wrote no report: {said or 'no reason given'}"]
        )
    entries = report.get("dependencies", [])
    asked = {
        canonicalize_name(e["name"]): e for e in entries if "vulns" in e and "skip_reason" not in e
    }
    missing = sorted(wanted.keys() - asked.keys())
    if missing or not asked:
        return Verdict(
            NOT_RUN,
            [f"NOT RUN: {len(asked)} of {len(wanted)} packages were looked up; not {missing[:5]}"],
        )
    found = [
        f"{name} {entry['version']}: {advisory['id']}, mended in {advisory.get('fix_versions') or 'no release'}"
        for name, entry in sorted(asked.items())
        for advisory in entry["vulns"]
        if advisory["id"] not in IGNORED
    ]
    return Verdict(
        FOUND if found else 0, [*found, f"audited {len(asked)} packages: {len(found)} advisories"]
    )


def audit(exported: str) -> tuple[Mapping[str, Any] | None, str]:
    """pip-audit's report of these requirements, and its last words."""
    with tempfile.TemporaryDirectory() as name:
        requirements, out = Path(name) / "requirements.txt", Path(name) / "report.json"
        requirements.write_text(exported)
        words = [
            str(TOOL),
            "--strict",
            "--disable-pip",
            "--require-hashes",
            "--progress-spinner",
            "off",
        ]
        words += ["--format", "json", "--output", str(out), "--requirement", str(requirements)]
        try:
            done = subprocess.run(words, capture_output=True, text=True, timeout=600, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            return None, str(error)
        said = (done.stderr.strip().splitlines() or [""])[-1]
        try:
            return json.loads(out.read_text()), said
        except (OSError, ValueError):
            return None, said


def main(extras: list[str]) -> int:
    exported = locked.export(str(UV), extras)
    report, said = audit(exported)
    code, lines = verdict(report, locked.versions(exported), said)
    print("\n".join(lines))
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
