"""The alert rules under promtool: each fires when it should and not a step before, and no threshold slips unnoticed."""

import json
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from agents.metrics import BY_NAME, PREFIX
from dashboards import build
from tests.support.tools import tool
from tests.watch.board_files import declared
from tests.watch.cases import CASES, Case

ROOT = Path(__file__).parents[2]
OBJECTIVES = (ROOT / "dashboards" / "objectives.toml").read_text()
ALERTS = {alert["name"]: alert for alert in tomllib.loads(OBJECTIVES)["alert"]}
END = "39m"


@pytest.fixture(scope="module")
def promtool() -> str:
    return tool("promtool", "make watch")


def _expects(case: Case, series: dict[str, str], moment: str, fires: bool) -> dict[str, Any]:
    expression = f'count(ALERTS{{alertname="Headrace{case.alert}",alertstate="firing"}})'
    return {
        "interval": "30s",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {
                "expr": expression,
                "eval_time": moment,
                "exp_samples": [{"labels": "{}", "value": 1}] if fires else [],
            }
        ],
    }


def _tests(case: Case) -> list[dict[str, Any]]:
    early = [_expects(case, case.beyond, case.not_yet, False)] if case.not_yet else []
    return [
        *early,
        _expects(case, case.beyond, case.by, True),
        _expects(case, case.at, case.by, False),
        _expects(case, case.at, END, False),
        _expects(case, {}, END, False),
    ]


def _holds(
    promtool: str, folder: Path, objectives: str, cases: tuple[Case, ...]
) -> tuple[bool, str]:
    """One run of promtool; each alert's cases see its own rule alone, which takes a fortieth of the time."""
    files = []
    for name, alert in {alert["name"]: alert for alert in build.alerts(objectives)}.items():
        tests = [test for case in cases if case.alert == name for test in _tests(case)]
        rule = build.rule(alert)
        (folder / f"{name}.rules.yaml").write_text(
            json.dumps({"groups": [{"name": name, "rules": [rule]}]})
        )
        whole = {"rule_files": [f"{name}.rules.yaml"], "evaluation_interval": "30s", "tests": tests}
        files.append(folder / f"{name}.tests.yaml")
        files[-1].write_text(json.dumps(whole))
    done = subprocess.run(
        [promtool, "test", "rules", *map(str, files)], capture_output=True, text=True, check=False
    )
    return done.returncode == 0, done.stdout + done.stderr


def test_the_rules_are_those_committed_and_promtool_finds_no_fault(promtool: str) -> None:
    file = ROOT / "dashboards" / "rules" / "headrace.yaml"
    assert file.read_text() == build.rendered(OBJECTIVES), "run `make dashboards`"
    subprocess.run(
        [promtool, "check", "rules", "--lint=all", "--lint-fatal", str(file)], check=True
    )


def test_each_alert_fires_when_it_should_and_not_a_step_before(
    promtool: str, tmp_path: Path
) -> None:
    holds, output = _holds(promtool, tmp_path, OBJECTIVES, CASES)
    assert holds, output


@pytest.mark.parametrize("severity", sorted({alert["severity"] for alert in ALERTS.values()}))
def test_each_severity_is_routed_to_its_receiver(severity: str) -> None:
    amtool = tool("amtool", "make watch")
    file = ROOT / "dashboards" / "alertmanager.yaml"
    told = subprocess.run(
        [amtool, "config", "routes", "test", f"--config.file={file}", f"severity={severity}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.split() == [{"none": "deadman"}.get(severity, severity)]


def test_every_alert_is_tested() -> None:
    assert {case.alert for case in CASES} | {"Watchdog"} == ALERTS.keys()


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_a_threshold_that_slips_is_noticed(promtool: str, tmp_path: Path, factor: float) -> None:
    """All at once: each alert's own cases must complain. A threshold of nothing at all slips to a large number."""

    def slipped(found: re.Match[str]) -> str:
        value = float(found[1])
        return f"value = {value * factor if value else 1e9}"

    mutant = re.sub(r"(?m)^value = ([0-9.]+)$", slipped, OBJECTIVES)
    holds, output = _holds(promtool, tmp_path, mutant, CASES)
    complaining = set(re.findall(r'alertname=\\*"Headrace(\w+)', output))
    # Of a gauge that is 0 or 1, a half tells the same as 1.
    alike = {name for name, alert in ALERTS.items() if factor < 1 and " < {value}" in alert["expr"]}
    assert not holds
    assert {case.alert for case in CASES} - complaining == alike


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_names_metrics_that_exist_and_a_runbook_that_is_there(name: str) -> None:
    alert = ALERTS[name]
    named = re.findall(rf"{PREFIX}\w+", build.expression(alert))
    assert {metric for metric in named if declared(metric) not in BY_NAME} == set()
    headings = re.findall(r"^## (\w+)$", (ROOT / build.RUNBOOKS).read_text(), re.MULTILINE)
    assert name in headings
    assert alert["severity"] in ("page", "ticket", "info", "none")
