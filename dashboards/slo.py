"""Service level objectives as Prometheus rules: how much of the error budget burns, and four alerts each.

Google's Site Reliability Workbook, chapter 5: an alert fires while both a long and a short window burn faster than a
factor. Names of the recorded series are those of sloth.
"""

import json
import tomllib
from typing import Any

WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")
PERIOD = "30d"
ERROR = "slo:sli_error:ratio_rate"
EXACT = 12
"""Decimals of a threshold: 0.1 x 14.4 is written as 1.44."""

Rule = dict[str, Any]


def slos(objectives: str) -> list[dict[str, Any]]:
    """The objectives as they stand in the file."""
    found: list[dict[str, Any]] = tomllib.loads(objectives)["slo"]
    return found


def burns(objectives: str) -> list[dict[str, Any]]:
    """The alerts of every objective: long and short window, and the factor."""
    found: list[dict[str, Any]] = tomllib.loads(objectives)["burn"]
    return found


def groups(objectives: str) -> list[dict[str, Any]]:
    """The rule groups, one an objective."""
    return [
        {
            "name": f"slo-{slo['name']}",
            "rules": [*_recorded(slo), *(_alert(slo, burn) for burn in burns(objectives))],
        }
        for slo in slos(objectives)
    ]


def rendered(objectives: str) -> str:
    """The rule file: JSON, which is YAML too."""
    return json.dumps({"groups": groups(objectives)}, indent=2) + "\n"


def threshold(slo: dict[str, Any], burn: dict[str, Any]) -> float:
    """The share of errors at which a burn rate is that factor of the budget."""
    return round((1 - float(slo["objective"])) * float(burn["factor"]), EXACT)


def _recorded(slo: dict[str, Any]) -> list[Rule]:
    labels = {"service": "headrace", "slo": slo["name"]}
    this = f'{{slo="{slo["name"]}"}}'
    budget = round(1 - float(slo["objective"]), EXACT)

    def record(name: str, expression: str) -> Rule:
        return {"record": name, "expr": expression, "labels": labels}

    rules = [record(f"{ERROR}{window}", _error(slo, window)) for window in WINDOWS]
    mean = f"sum_over_time({ERROR}5m{this}[{PERIOD}]) / count_over_time({ERROR}5m{this}[{PERIOD}])"
    return [
        *rules,
        record(f"{ERROR}{PERIOD}", mean),
        record("slo:objective:ratio", f"vector({slo['objective']})"),
        record("slo:error_budget:ratio", f"vector({budget})"),
        record(
            "slo:current_burn_rate:ratio", f"{ERROR}5m{this} / on(slo) slo:error_budget:ratio{this}"
        ),
        record(
            "slo:period_error_budget_remaining:ratio",
            f"1 - {ERROR}{PERIOD}{this} / on(slo) slo:error_budget:ratio{this}",
        ),
    ]


def _error(slo: dict[str, Any], window: str) -> str:
    """Bad over total; without traffic there is no sample."""
    good, total = (str(slo[name]).replace("{window}", window) for name in ("good", "total"))
    return f"1 - {good} / ({total} > 0)"


def _alert(slo: dict[str, Any], burn: dict[str, Any]) -> Rule:
    this = f'{{slo="{slo["name"]}"}}'
    limit = threshold(slo, burn)
    expression = (
        f"{ERROR}{burn['long']}{this} > {limit} and on(slo) {ERROR}{burn['short']}{this} > {limit}"
    )
    rule: Rule = {"alert": f"Headrace{burn['name']}", "expr": expression, "for": burn["for"]}
    if burn["severity"] == "page":
        events = str(slo["total"]).replace("{window}", burn["long"]).replace("rate(", "increase(")
        rule["expr"] += f" and on() {events} >= {slo['events_min']}"
        rule["keep_firing_for"] = burn["keep"]
    return rule | {
        "labels": {
            "service": "headrace",
            "component": f"slo-{slo['name']}",
            "severity": burn["severity"],
            "slo": slo["name"],
        },
        "annotations": {
            "summary": f"{slo['promise']}: the error budget burns {burn['factor']} times too fast",
            "description": f"{{{{ $value | humanizePercentage }}}} of {burn['long']} broke the promise; "
            f"{limit:.2%} would be {burn['factor']} times the budget of {PERIOD}.",
            "runbook_url": f"docs/runbooks.md#slo-{slo['name']}",
        },
    }
