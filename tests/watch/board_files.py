"""The committed boards, and the ways in which their expressions are read."""

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

from agents.metrics import BY_NAME, PREFIX

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "dashboards"
BOARDS = sorted(FOLDER.glob("*.json"))
METRIC = re.compile(rf"{PREFIX}\w+")
PARTS = ("_bucket", "_sum", "_count")


class Query(NamedTuple):
    """One target. text: PromQL or SQL."""

    board: str
    panel: str
    text: str
    legend: str
    is_sql: bool


def loaded(board: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(board.read_text())
    return found


def queries() -> list[Query]:
    """Of every panel of every board."""
    return [
        Query(
            board.stem,
            panel["title"],
            target.get("rawSql") or target["expr"],
            target.get("legendFormat", ""),
            "rawSql" in target,
        )
        for board in BOARDS
        for panel in loaded(board)["panels"]
        for target in panel["targets"]
    ]


def declared(name: str) -> str:
    """The metric behind a series; those of a histogram have three endings."""
    bare = name.removeprefix(PREFIX)
    for part in PARTS:
        stem = bare.removesuffix(part)
        if stem != bare and stem in BY_NAME and BY_NAME[stem].kind == "histogram":
            return stem
    return bare
