"""Every dashboard can be loaded and shows metrics that exist."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from agents.metrics import BY_NAME, PREFIX

BOARDS = sorted((Path(__file__).parent.parent / "dashboards").glob("*.json"))
METRIC = re.compile(r"headrace_\w+")
PARTS = ("_bucket", "_sum", "_count")


def panels(board: Path) -> list[dict[str, Any]]:
    loaded: dict[str, Any] = json.loads(board.read_text())
    return list(loaded["panels"])


def expressions(board: Path) -> list[str]:
    return [target["expr"] for panel in panels(board) for target in panel["targets"]]


def declared(name: str) -> str:
    """The metric behind a series; those of a histogram have three endings."""
    bare = name.removeprefix(PREFIX)
    for part in PARTS:
        stem = bare.removesuffix(part)
        if stem != bare and stem in BY_NAME and BY_NAME[stem].kind == "histogram":
            return stem
    return bare


def test_there_is_a_flow_board() -> None:
    assert "flow.json" in [board.name for board in BOARDS]


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.stem)
def test_every_metric_of_a_board_is_declared(board: Path) -> None:
    named = {name for expression in expressions(board) for name in METRIC.findall(expression)}
    assert named
    assert {name for name in named if declared(name) not in BY_NAME} == set()


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.stem)
def test_labels_that_a_panel_groups_by_or_shows_belong_to_its_metrics(board: Path) -> None:
    for panel in panels(board):
        for target in panel["targets"]:
            rows = [BY_NAME[declared(name)] for name in METRIC.findall(target["expr"])]
            known = {label for row in rows for label in row.labels} | {"le"}
            grouped = ",".join(re.findall(r"by \(([^)]*)\)", target["expr"])).split(",")
            shown = re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])
            assert {label.strip() for label in [*grouped, *shown]} <= known, panel["title"]


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.stem)
def test_counters_are_read_as_rates_and_gauges_as_they_are(board: Path) -> None:
    for expression in expressions(board):
        for name in METRIC.findall(expression):
            is_gauge = BY_NAME[declared(name)].kind == "gauge"
            assert (f"rate({name}{{" in expression) is not is_gauge, expression


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.stem)
def test_every_panel_says_what_it_shows_and_filters_by_process(board: Path) -> None:
    loaded = json.loads(board.read_text())
    assert loaded["uid"] == f"headrace-{board.stem}"
    assert loaded["editable"] is False
    assert len(loaded["panels"]) <= 25
    for panel in loaded["panels"]:
        assert panel["title"] and panel["description"], panel["id"]
        defaults = panel["fieldConfig"]["defaults"]
        assert defaults["unit"] and defaults["noValue"] == "no data", panel["title"]
    for expression in expressions(board):
        selectors = re.findall(r"headrace_\w+\{([^}]*)\}", expression)
        assert len(selectors) == len(METRIC.findall(expression)), expression
        assert set(selectors) == {'job=~"$job",instance=~"$instance"'}, expression
