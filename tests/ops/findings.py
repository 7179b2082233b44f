"""`make ops`: runs the tools, sets apart what `ignored.toml` argues away, prints a table, and ends with 1 on the rest.

An argument that no finding needs any more is a finding itself.
"""

import sys
import tomllib
from collections.abc import Callable, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

from tests.ops.tools import ALL, Finding, Missing

ARGUED = Path(__file__).with_name("ignored.toml")


class Argument(NamedTuple):
    """Why what a tool finds somewhere is left as it is. where: a pattern."""

    tool: str
    check: str
    where: str
    reason: str

    def covers(self, finding: Finding) -> bool:
        return self.check == finding.check and fnmatch(finding.where, self.where)


class Row(NamedTuple):
    """One tool: what it found, what of it stays, and arguments without a finding."""

    tool: str
    found: int
    left: list[Finding]
    stale: list[Argument]

    @property
    def is_clean(self) -> bool:
        return not self.left and not self.stale


def arguments(tool: str) -> list[Argument]:
    """What is argued away of one tool."""
    entries = tomllib.loads(ARGUED.read_text())["ignored"]
    return [Argument(**entry) for entry in entries if entry["tool"] == tool]


def judge(tool: str, found: Sequence[Finding], argued: Sequence[Argument]) -> Row:
    """Set findings and arguments against each other."""
    left = [finding for finding in found if not any(a.covers(finding) for a in argued)]
    stale = [a for a in argued if not any(a.covers(finding) for finding in found)]
    return Row(tool, len(found), left, stale)


def table(rows: Sequence[Row]) -> str:
    """The rows as Markdown, then what is left, a line each."""
    head = ["| tool | found | argued | left |", "| --- | --- | --- | --- |"]
    body = [
        f"| {r.tool} | {r.found} | {r.found - len(r.left)} | {len(r.left) + len(r.stale)} |"
        for r in rows
    ]
    left = [f"{r.tool}: {f.check} at {f.where}: {f.said}" for r in rows for f in r.left]
    stale = [
        f"{r.tool}: nothing is found any more of {a.check} at {a.where}"
        for r in rows
        for a in r.stale
    ]
    return "\n".join([*head, *body, *left, *stale])


def main(names: list[str], tools: dict[str, Callable[[], list[Finding]]] = ALL) -> int:
    """Run all tools, or those that are named."""
    rows, missing = [], []
    for name in names or tools:
        try:
            rows.append(judge(name, tools[name](), arguments(name)))
        except Missing as error:
            missing.append(f"{name}: NOT RUN: {error}")
    print("\n".join([table(rows), *missing]))
    return 0 if all(row.is_clean for row in rows) and not missing else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
