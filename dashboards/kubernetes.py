"""The monitoring objects of the cluster, made of the same files that a machine without one loads."""

import json
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
OUT = HERE.parent / "k8s" / "base" / "monitoring"
HEADER = "# Written by `make dashboards`.\n"


def rendered(rules: dict[str, Any]) -> dict[str, str]:
    """File name -> text. rules: the rule groups as Prometheus loads them."""
    alertmanager = yaml.safe_load((HERE / "alertmanager.yaml").read_text())
    objects = {
        "prometheus-rule.yaml": _object(
            "monitoring.coreos.com/v1", "PrometheusRule", "headrace", spec=rules
        ),
        "alertmanager-config.yaml": _object(
            "monitoring.coreos.com/v1alpha1", "AlertmanagerConfig", "headrace",
            spec=alertmanager_config(alertmanager),
        ),
        "dashboards.yaml": _object(
            "v1", "ConfigMap", "dashboards", {"grafana_dashboard": "1"},
            data={board.name: board.read_text() for board in sorted(HERE.glob("*.json"))},
        ),
    }  # fmt: skip
    files = {name: HEADER + json.dumps(found, indent=1) + "\n" for name, found in objects.items()}
    names = json.dumps(sorted(files))
    kustomization = (
        f"apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: {names}\n"
    )
    return files | {"kustomization.yaml": HEADER + kustomization}


def alertmanager_config(config: dict[str, Any]) -> dict[str, Any]:
    """The routes of Alertmanager's own file in the words of the Prometheus operator."""
    return {
        "route": _route(config["route"]),
        "inhibitRules": [
            {
                "sourceMatch": [_matcher(text) for text in rule["source_matchers"]],
                "targetMatch": [_matcher(text) for text in rule["target_matchers"]],
                "equal": rule["equal"],
            }
            for rule in config["inhibit_rules"]
        ],
        "receivers": config["receivers"],
    }


_WORDS = {
    "group_by": "groupBy", "group_wait": "groupWait", "group_interval": "groupInterval",
    "repeat_interval": "repeatInterval", "receiver": "receiver",
}  # fmt: skip


def _route(route: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {_WORDS[key]: value for key, value in route.items() if key in _WORDS}
    if "matchers" in route:
        found["matchers"] = [_matcher(text) for text in route["matchers"]]
    if "routes" in route:
        found["routes"] = [_route(child) for child in route["routes"]]
    return found


def _matcher(text: str) -> dict[str, str]:
    name, _, value = text.partition(" = ")
    return {"name": name, "value": value.strip('"')}


def _object(
    version: str, kind: str, name: str, labels: dict[str, str] | None = None, **body: Any
) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name} | ({"labels": labels} if labels else {})
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **body}


def write(rules: dict[str, Any]) -> list[Path]:
    """Write the files; their paths."""
    OUT.mkdir(parents=True, exist_ok=True)
    for name, text in rendered(rules).items():
        (OUT / name).write_text(text)
    return [OUT / name for name in rendered(rules)]
