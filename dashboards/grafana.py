"""A whole board as Grafana loads it: panels, variables, links to the other boards, and what happened meanwhile."""

import json
import tomllib
from pathlib import Path
from typing import Any

from dashboards.boards import BOARDS
from dashboards.panels import HISTORY, METRICS, Board, Steps, panel, promql

HERE = Path(__file__).parent
EVENTS = {
    "Deploys": ("blue", "count by (version) (changes(headrace_build_info[1m]) > 0)"),
    "Kills": ("red", "sum by (scope) (headrace_kill_switch_engaged) > 0"),
    "Models": ("purple", "sum by (model) (increase(headrace_swaps_total[1m])) > 0"),
    "Restarts": ("orange", "sum by (instance) (changes(process_start_time_seconds[1m])) > 0"),
}
"""Annotations: their colour, and an expression that is there while it happens."""


def steps(objectives: str) -> dict[str, Steps]:
    """The thresholds of panels by name: from where on yellow, red. -1 for yellow: there is none."""
    given = tomllib.loads(objectives)["panel_threshold"]
    return {name: (yellow if yellow >= 0 else None, red) for name, (yellow, red) in given.items()}


def board(given: Board, objectives: str) -> dict[str, Any]:
    """One board."""
    limits = steps(objectives)
    return {
        "uid": f"headrace-{given.name}",
        "title": f"Headrace: {given.name}",
        "description": given.about,
        "tags": ["headrace"],
        "schemaVersion": 42,
        "version": 1,
        "editable": False,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "timezone": "utc",
        "graphTooltip": 1,
        "templating": {"list": [*_variables(), *map(_text, given.variables)]},
        "annotations": {
            "list": [_event(name, *what) for name, what in EVENTS.items()],
        },
        "links": [_links()],
        "panels": [panel(number, each, limits) for number, each in enumerate(given.panels)],
    }


def rendered(objectives: str) -> dict[str, str]:
    """File name -> text, of all boards."""
    return {
        f"{each.name}.json": json.dumps(board(each, objectives), indent=1, ensure_ascii=False)
        + "\n"
        for each in BOARDS
    }


def _variables() -> list[dict[str, Any]]:
    sources = [
        {"name": "metrics", "label": "Metrics", "type": "datasource", "query": "prometheus"},
        {"name": "history", "label": "History", "type": "datasource", "query": HISTORY["type"]},
    ]
    labels = [
        {
            "name": label,
            "label": label.capitalize(),
            "type": "query",
            "datasource": METRICS,
            "query": f"label_values(headrace_build_info, {label})",
            "refresh": 2,
            "multi": True,
            "includeAll": True,
            "allValue": ".*",
            "current": {"text": "All", "value": "$__all"},
            "sort": 1,
        }
        for label in ("job", "instance")
    ]
    return [*sources, *labels]


def _text(name: str) -> dict[str, Any]:
    return {"name": name, "label": name.capitalize(), "type": "textbox", "query": ""}


def _event(name: str, colour: str, expression: str) -> dict[str, Any]:
    return {
        "name": name,
        "datasource": METRICS,
        "enable": True,
        "iconColor": colour,
        "target": {"refId": "Anno", "expr": promql(expression)},
    }


def _links() -> dict[str, Any]:
    return {
        "title": "Boards",
        "type": "dashboards",
        "tags": ["headrace"],
        "asDropdown": True,
        "icon": "external link",
        "includeVars": True,
        "keepTime": True,
        "targetBlank": False,
        "tooltip": "",
        "url": "",
    }
