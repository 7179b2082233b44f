"""What other people's tools find in manifests, image, workflows and code; each in a process of its own."""

import json
import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests.k8s.objects import BUILT_IN, PROFILES, ROOT, built, text

VENV = ROOT / "build" / "ops" / "venv" / "bin"
GO = ROOT / "build" / "ops" / "bin"
CHECKOV = ROOT / "build" / "checkov" / "venv" / "bin"
KUBERNETES = "1.36"
YAML = (
    "k8s",
    "compose.yaml",
    ".github",
    "dashboards/alertmanager.yaml",
    "dashboards/prometheus.yaml",
    "dashboards/provisioning",
)
CODE = ("streams", "agents", "tables", "models", "sinks", "api", "dashboards", "release")
CRITICAL, WARNING = 1, 5
"""Grades of kube-score."""

BINARY = (".png", ".parquet", ".lock", ".svg")


class Finding(NamedTuple):
    """check: the tool's name of it; where: an object or a file."""

    check: str
    where: str
    said: str


class Missing(Exception):
    """A tool that is not installed."""


def run(tool: Path, *words: str, given: str = "") -> str:
    """What a tool prints; its exit code says only that it found something."""
    if not tool.exists():
        raise Missing(f"no {tool.name}: `make ops` installs it")
    environment = {**os.environ, "PATH": f"{tool.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    done = subprocess.run(
        [str(tool), *words],
        cwd=ROOT,
        input=given,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in (0, 1) or (done.returncode and not done.stdout + done.stderr):
        raise AssertionError(f"{tool.name} ended with {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout or done.stderr


def yamllint() -> list[Finding]:
    lines = run(VENV / "yamllint", "--format", "parsable", "--strict", *YAML).splitlines()
    return [
        Finding(line.rsplit("(", 1)[-1].rstrip(")"), line.split(":")[0], line) for line in lines
    ]


def kubernetes_validate() -> list[Finding]:
    """Kubernetes' own kinds; the tests of custom resources look at the others. Each object once."""
    file = ROOT / "build" / "ops" / "core.json"
    known: set[str] = set()
    for found in (o for profile in PROFILES for o in built(profile) if o["apiVersion"] in BUILT_IN):
        known.add(json.dumps({**found, "metadata": {**found["metadata"], "namespace": "headrace"}}))
    file.write_text("\n---\n".join(sorted(known)))
    said = run(VENV / "kubernetes-validate", "--strict", "-k", KUBERNETES, str(file))
    assert said.count("passed") > 50, said[-2000:]
    return [
        Finding("schema", "k8s", line) for line in said.splitlines() if not line.startswith("INFO")
    ]


def kube_score() -> list[Finding]:
    words = ("score", "-", "--kubernetes-version", f"v{KUBERNETES}", "--output-format", "json")
    scored = json.loads(run(GO / "kube-score", *words, given=text("production")))
    return [
        Finding(
            check["check"]["id"], one["object_name"].split("/v1/")[-1], _first(check["comments"])
        )
        for one in scored
        for check in one["checks"]
        if check["grade"] in (CRITICAL, WARNING) and not check.get("skipped")
    ]


def hadolint() -> list[Finding]:
    found = json.loads(run(VENV / "hadolint", "--format", "json", "Dockerfile"))
    return [Finding(one["code"], f"Dockerfile:{one['line']}", one["message"]) for one in found]


def zizmor() -> list[Finding]:
    words = ("--offline", "--quiet", "--persona", "pedantic", "--format", "json", ".github")
    found = json.loads(run(VENV / "zizmor", *words))
    return [Finding(one["ident"], _place(one), one["desc"]) for one in found]


def bandit() -> list[Finding]:
    found = json.loads(run(VENV / "bandit", "--quiet", "--format", "json", "--recursive", *CODE))
    return [Finding(one["test_id"], one["filename"], one["issue_text"]) for one in found["results"]]


def detect_secrets() -> list[Finding]:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split()
    files = [file for file in listed if not file.endswith((*BINARY, "package-lock.json"))]
    found = json.loads(run(VENV / "detect-secrets", "scan", *files))["results"]
    return [
        Finding(one["type"], file, f"line {one['line_number']}")
        for file, all_ in found.items()
        for one in all_
    ]


def checkov() -> list[Finding]:
    built = ROOT / "build" / "ops" / "production.yaml"
    built.write_text(text("production"))
    words = ("--skip-download", "--quiet", "--compact", "--output", "json")
    places = (("kubernetes", str(built)), ("dockerfile", "Dockerfile"))
    reports = [
        json.loads(run(CHECKOV / "checkov", *words, "--framework", kind, "--file", file))
        for kind, file in places
    ]
    assert all(report["summary"]["passed"] > 0 for report in reports), "it looked at nothing"
    return [
        Finding(one["check_id"], one["resource"], one["check_name"])
        for report in reports
        for one in report["results"]["failed_checks"]
    ]


FAST: dict[str, Callable[[], list[Finding]]] = {
    "yamllint": yamllint,
    "kubernetes-validate": kubernetes_validate,
    "kube-score": kube_score,
    "hadolint": hadolint,
    "zizmor": zizmor,
}
ALL = FAST | {"bandit": bandit, "detect-secrets": detect_secrets, "checkov": checkov}


def _first(comments: Sequence[Any] | None) -> str:
    return str(comments[0]["summary"]) if comments else ""


def _place(found: Any) -> str:
    return str(found["locations"][0]["symbolic"]["key"]["Local"]["given_path"])
