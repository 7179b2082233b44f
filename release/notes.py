"""The notes of a release: `python -m release.notes v0.1.0` prints its section of the changelog.

Refused unless tag, version and newest heading agree, the heading has a day, and the section says what it can read.
"""

import re
import sys
import tomllib

from release.locked import ROOT
from streams.topics import WIRE_VERSION

HEADING = re.compile(r"^## ([0-9]+\.[0-9]+\.[0-9]+)(.*)$", re.MULTILINE)


def version() -> str:
    """The project's: it stands in pyproject.toml and nowhere else."""
    found = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    return str(found)


def schema() -> str:
    """The number of the newest migration of the history."""
    return max(path.name[:3] for path in (ROOT / "sinks" / "migrations").glob("*.sql"))


def compatibility() -> str:
    """The line of a release that says what of the former one it still reads."""
    return f"Messages: version {WIRE_VERSION}, reads {WIRE_VERSION - 1}. History: migration {schema()}."


def newest(changelog: str) -> tuple[str, str, str]:
    """Version, what follows it in the heading, and text of the first section."""
    parts = HEADING.split(changelog)
    return parts[1], parts[2].strip(" -"), parts[3].strip()


def refusals(tag: str, changelog: str) -> list[str]:
    """Why this tag is no release of what is here."""
    latest, dated, text = newest(changelog)
    found = (
        []
        if tag == f"v{version()}" == f"v{latest}"
        else [f"tag {tag}, version {version()}, newest heading {latest}: should be the same"]
    )
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", dated):
        found.append(f"the heading says {dated!r}, should be the day of the release")
    if compatibility() not in text.replace("\n", " "):
        found.append(f"the section should say: {compatibility()}")
    return found


def main(arguments: list[str]) -> int:
    (tag,) = arguments
    changelog = (ROOT / "CHANGELOG.md").read_text()
    refused = refusals(tag, changelog)
    for reason in refused:
        print(reason, file=sys.stderr)
    if not refused:
        print(newest(changelog)[2])
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
