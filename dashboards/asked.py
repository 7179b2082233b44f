"""What every panel and every alert asks, and what a running system answers: the table of `make watch`."""

import json
import math
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import psycopg

from dashboards import slo
from dashboards.build import expression, value_of

HERE = Path(__file__).parent
MACROS = {"$job": ".*", "$instance": ".*", "$__rate_interval": "1m"}
SQL_MACROS = {
    "$__timeFilter(ts)": "ts > now() - interval '3 hours'",
    "$__timeFrom()": "now() - interval '3 hours'",
    "$__timeTo()": "now()",
    "$__interval": "1m",
    "$order": "",
}
RANGES = {"percentunit": (0.0, 1.0), "s": (0.0, math.inf), "bytes": (0.0, math.inf)}
"""By unit: what a value may be. A budget that is overspent is below 0, and a limit may be exceeded."""
UNBOUNDED = {"Error budget left", "Limit use"}


class Asked(NamedTuple):
    """One expression. unit: of its panel; is_sql: asked of the history."""

    name: str
    text: str
    unit: str = ""
    is_sql: bool = False


class Answer(NamedTuple):
    """series: how many, or rows; -1: refused, and why in `shown`. fault: what cannot be true of it."""

    asked: Asked
    series: int
    shown: str
    fault: str = ""


def expressions() -> list[Asked]:
    """Of every board, every alert without its last comparison and as it is, and every recorded rule of a promise."""
    found = []
    for board in sorted(HERE.glob("*.json")):
        for panel in json.loads(board.read_text())["panels"]:
            unit = panel["fieldConfig"]["defaults"]["unit"]
            for target in panel["targets"]:
                is_sql = "rawSql" in target
                text = _expanded(target["rawSql"] if is_sql else target["expr"])
                found.append(Asked(f"{board.stem}: {panel['title']}", text, unit, is_sql))
    objectives = (HERE / "objectives.toml").read_text()
    for alert in tomllib.loads(objectives)["alert"]:
        found.append(Asked(f"alert {alert['name']}", value_of(alert)))
        found.append(Asked(f"alert {alert['name']} fires", expression(alert)))
    for group in slo.groups(objectives):
        for rule in group["rules"]:
            name = rule.get("record") or f"alert {rule['alert']} fires"
            found.append(Asked(f"{group['name']} {name}", rule["expr"]))
    return found


def answers(prometheus: str, postgres_url: str) -> Iterator[Answer]:
    """What each returns there, in this order."""
    with httpx.Client(base_url=prometheus, timeout=10) as client:
        for asked in expressions():
            yield _rows(postgres_url, asked) if asked.is_sql else _series(client, asked)


def allowed_empty() -> dict[str, str]:
    """Expressions that may return nothing on a running system, by name, and why."""
    lists = _lists()
    return lists["empty"] | lists["rare"]


def never_answered() -> dict[str, str]:
    """Of these, those that return nothing on any `headrace up`."""
    return _lists()["empty"]


def _lists() -> dict[str, dict[str, str]]:
    return tomllib.loads((HERE / "allow-empty.toml").read_text())


def may_be_empty(name: str, allowed: dict[str, str]) -> bool:
    """A condition of an alert that does not fire is empty; a name in the list may end in *."""
    if name.endswith(" fires"):
        return True
    return any(
        name == each or (each.endswith("*") and name.startswith(each[:-1])) for each in allowed
    )


def _expanded(text: str) -> str:
    for macro, value in (MACROS | SQL_MACROS).items():
        text = text.replace(macro, value)
    return text


def _series(client: httpx.Client, asked: Asked) -> Answer:
    told = client.get("/api/v1/query", params={"query": asked.text}).json()
    if told["status"] != "success":
        return Answer(asked, -1, re.sub(r"\s+", " ", told["error"])[:60], "refused")
    found = told["data"]["result"]
    if not found:
        return Answer(asked, 0, "no series")
    values = [float(each["value"][1]) for each in found]
    finite = [value for value in values if math.isfinite(value)]
    shown = f"{len(found)} series, " + (f"{max(finite):.4g}" if finite else "NaN")
    return Answer(asked, len(finite), shown, _fault(asked, finite))


def _fault(asked: Asked, values: list[float]) -> str:
    low, high = RANGES.get(asked.unit, (-math.inf, math.inf))
    if asked.name.partition(": ")[2] in UNBOUNDED:
        return ""
    out = [value for value in values if not low <= value <= high]
    return f"{out[0]:.4g} is no {asked.unit}" if out else ""


def _rows(postgres_url: str, asked: Asked) -> Answer:
    try:
        with psycopg.connect(postgres_url, connect_timeout=5) as connection:
            found = connection.execute(asked.text.encode()).fetchall()
    except psycopg.Error as error:
        return Answer(asked, -1, str(error).split("\n")[0][:60], "refused")
    return Answer(asked, len(found), f"{len(found)} rows" if found else "no rows")
