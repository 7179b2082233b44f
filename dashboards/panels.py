"""From a few words to Grafana's JSON: what a board file says of a panel, and the dict that Grafana loads."""

import re
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["timeseries", "stat", "table", "state-timeline"]
Steps = tuple[float | None, float]
MATCHERS = 'job=~"$job",instance=~"$instance"'
SERIES = re.compile(r"\b((?:headrace|process|python|kafka)_[a-z0-9_]+)(\{[^}]*\})?")
METRICS = {"type": "prometheus", "uid": "${metrics}"}
HISTORY = {"type": "grafana-postgresql-datasource", "uid": "${history}"}
COLOURS = ("green", "yellow", "red")
WIDTH, HEIGHT, COLUMNS = 8, 8, 24


@dataclass(frozen=True)
class Panel:
    """One panel. about: what it shows, and what to do when it is red. queries: (expression, legend), or one SQL text.

    An expression names metrics bare: every selector gets the same two matchers, [R] becomes Grafana's rate interval.
    limits: the name of its thresholds in objectives.toml. min, max: of the axis.
    """

    title: str
    about: str
    unit: str
    queries: tuple[tuple[str, str], ...] | str
    limits: str = ""
    kind: Kind = "timeseries"

    @property
    def is_sql(self) -> bool:
        return isinstance(self.queries, str)


@dataclass(frozen=True)
class Board:
    """One dashboard. variables: text fields beyond the usual ones, by name."""

    name: str
    about: str
    panels: tuple[Panel, ...]
    variables: tuple[str, ...] = ()


def quantile(share: float, metric: str, *by: str) -> str:
    """Of a histogram, over the rate interval."""
    labels = ",".join(("le", *by))
    return f"histogram_quantile({share}, sum by ({labels}) (rate(headrace_{metric}_bucket[R])))"


def quantiles(metric: str, by: str, *shares: float) -> tuple[tuple[str, str], ...]:
    """Several quantiles of one histogram, each with its legend."""
    return tuple(
        (quantile(share, metric, by), f"{{{{{by}}}}} q{round(share * 100)}") for share in shares
    )


def rates(metric: str, *by: str, only: str = "") -> tuple[tuple[str, str], ...]:
    """A counter's rate, by labels."""
    legend = " ".join(f"{{{{{label}}}}}" for label in by) or metric
    grouped = f" by ({', '.join(by)})" if by else ""
    return ((f"sum{grouped} (rate(headrace_{metric}{only}[R]))", legend),)


def promql(text: str) -> str:
    """An expression as Grafana sends it."""

    def selected(found: re.Match[str]) -> str:
        more = (found[2] or "{}")[1:-1]
        return f"{found[1]}{{{MATCHERS}{',' if more else ''}{more}}}"

    return SERIES.sub(selected, text).replace("[R]", "[$__rate_interval]")


def panel(number: int, given: Panel, steps: dict[str, Steps]) -> dict[str, Any]:
    """The panel of that place on its board."""
    each = COLUMNS // WIDTH
    place = {"h": HEIGHT, "w": WIDTH, "x": WIDTH * (number % each), "y": HEIGHT * (number // each)}
    return {
        "id": number + 1,
        "type": given.kind,
        "title": given.title,
        "description": given.about,
        "datasource": HISTORY if given.is_sql else METRICS,
        "gridPos": place,
        "fieldConfig": {"defaults": _defaults(given, steps), "overrides": []},
        "options": _options(given.kind),
        "targets": _targets(given),
    }


def _defaults(given: Panel, steps: dict[str, Steps]) -> dict[str, Any]:
    found: dict[str, Any] = {"unit": given.unit, "noValue": "no data"}
    limits = _steps(steps[given.limits] if given.limits else None)
    found["thresholds"] = {"mode": "absolute", "steps": limits}
    if (
        given.limits and given.kind == "timeseries"
    ):  # a line, since colour alone tells nothing to everyone
        found["custom"] = {"thresholdsStyle": {"mode": "line"}}
    return found


def _steps(limits: Steps | None) -> list[dict[str, Any]]:
    """Yellow and red from a value on; where the second is smaller, less is worse."""
    if limits is None:
        return [{"color": "green", "value": None}]
    yellow, red = limits
    if yellow is not None and red < yellow:
        worst = [("red", None), ("yellow", red), ("green", yellow)]
        return [{"color": color, "value": value} for color, value in worst]
    rising = [("green", None), ("yellow", yellow), ("red", red)]
    first, *rest = [{"color": color, "value": value} for color, value in rising]
    return [first, *(step for step in rest if step["value"] is not None)]


def _options(kind: Kind) -> dict[str, Any]:
    if kind == "timeseries":
        legend = {"displayMode": "list", "placement": "bottom", "showLegend": True}
        return {"legend": legend, "tooltip": {"mode": "multi", "sort": "desc"}}
    if kind == "stat":
        return {"textMode": "value_and_name", "reduceOptions": {"calcs": ["lastNotNull"]}}
    return {"showHeader": True} if kind == "table" else {"mergeValues": True}


def _targets(given: Panel) -> list[dict[str, Any]]:
    if isinstance(given.queries, str):
        shape = "table" if given.kind == "table" else "time_series"
        sql = " ".join(given.queries.split())
        return [
            {
                "refId": "A",
                "datasource": HISTORY,
                "rawQuery": True,
                "rawSql": sql,
                "format": shape,
                "editorMode": "code",
            }
        ]
    return [
        {
            "refId": chr(ord("A") + place),
            "datasource": METRICS,
            "expr": promql(text),
            "legendFormat": legend,
        }
        for place, (text, legend) in enumerate(given.queries)
    ]
