"""`make dashboards`: writes boards and Prometheus's rules; all thresholds and promises stand in objectives.toml alone.

What a cluster loads, `k8s/base/monitoring`, is written from the same.
"""

import json
import sys
import tomllib
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RUNBOOKS = "docs/runbooks.md"


def alerts(objectives: str) -> list[dict[str, Any]]:
    """The alerts as they stand in the file."""
    found: list[dict[str, Any]] = tomllib.loads(objectives)["alert"]
    return found


def rules(objectives: str) -> dict[str, Any]:
    """The rule groups, one a component."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for alert in alerts(objectives):
        groups.setdefault(alert["component"], []).append(rule(alert))
    return {"groups": [{"name": name, "rules": found} for name, found in groups.items()]}


def expression(alert: dict[str, Any]) -> str:
    """What Prometheus evaluates."""
    return str(alert["expr"]).replace("{value}", str(alert.get("value", "")))


def value_of(alert: dict[str, Any]) -> str:
    """The expression without its last comparison: what the alert looks at, whether it fires or not."""
    text = expression(alert).split(" and ")[0]
    for comparison in (" > ", " < "):
        head, found, _ = text.rpartition(comparison)
        if found:
            return head
    return text


def rule(alert: dict[str, Any]) -> dict[str, Any]:
    """The rule of one alert."""
    name = alert["name"]
    return {
        "alert": f"Headrace{name}",
        "expr": expression(alert),
        "for": alert["for"],
        "labels": {
            "service": "headrace",
            "component": alert["component"],
            "severity": alert["severity"],
        },
        "annotations": {
            "summary": alert["summary"],
            "description": alert["description"],
            "runbook_url": f"{RUNBOOKS}#{name.lower()}",
        },
    }


def rendered(objectives: str) -> str:
    """The rule file: JSON, which is YAML too."""
    return json.dumps(rules(objectives), indent=2) + "\n"


def main() -> None:
    """Write every file that is made of objectives.toml, and name it."""
    from dashboards import grafana, kubernetes, slo

    objectives = (HERE / "objectives.toml").read_text()
    made = {"rules/headrace.yaml": rendered(objectives), "rules/slo.yaml": slo.rendered(objectives)}
    made |= grafana.rendered(objectives)
    for name, text in made.items():
        (HERE / name).write_text(text)
    written = kubernetes.write({"groups": rules(objectives)["groups"] + slo.groups(objectives)})
    names = [f"dashboards/{name}" for name in made]
    names += [str(path.relative_to(HERE.parent)) for path in written]
    sys.stdout.write("\n".join(names) + "\n")


if __name__ == "__main__":
    sys.path.insert(0, str(HERE.parent))
    main()
