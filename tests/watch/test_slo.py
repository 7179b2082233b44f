"""The burn-rate alerts under promtool: both windows must burn, and enough must have happened."""

import json
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from agents.metrics import BY_NAME, PREFIX
from dashboards import build, slo
from tests.watch.board_files import declared
from tests.watch.test_alerts import promtool

__all__ = ["promtool"]

ROOT = Path(__file__).parents[2]
OBJECTIVES = (ROOT / "dashboards" / "objectives.toml").read_text()
SLOS = {each["name"]: each for each in slo.slos(OBJECTIVES)}
BURNS = {each["name"]: each for each in slo.burns(OBJECTIVES)}
STEP_M = 1
"""Minutes between two samples and evaluations."""

MANY = 100_000
"""Events a minute, in hundredths of percent of which errors are whole."""


def _minutes(text: str) -> int:
    return int(text[:-1]) * {"m": 1, "h": 60, "d": 1440}[text[-1]]


def _series(name: str) -> tuple[str, str, bool]:
    """What counts the good ones; what counts the others, or all."""
    histograms = {
        "decision-latency": ("stage_seconds", 'stage="decision"', "0.2"),
        "ingest-latency": ("ingest_seconds", 'venue="KRAKEN"', "0.3"),
        "risk-latency": ("stage_seconds", 'stage="risk"', "0.2"),
        "order-latency": ("stage_seconds", 'stage="first_event"', "0.5"),
        "engine-progress": ("event_age_seconds", 'route="account"', "5.0"),
        "history-fresh": ("sink_row_age_seconds", 'sink="history"', "5.0"),
        "api-latency": ("http_request_seconds", 'route="/v1/orders"', "0.1"),
    }
    if name in histograms:
        metric, labels, edge = histograms[name]
        good = f'{PREFIX}{metric}_bucket{{instance="w:1",{labels},le="{edge}"}}'
        return good, f'{PREFIX}{metric}_count{{instance="w:1",{labels}}}', True
    stem = f'{PREFIX}http_requests_total{{route="/v1/orders",method="GET",status='
    return f'{stem}"200"}}', f'{stem}"500"}}', False


class Span(NamedTuple):
    """So many minutes with this share of errors."""

    minutes: int
    share: float
    events: int = MANY


def _samples(name: str, spans: list[Span]) -> dict[str, str]:
    """Two counters that begin anew in the middle of the first span, as after a restart."""
    good, other, counts_all = _series(name)
    figures: list[tuple[int, int]] = [(0, 0)]
    for number, span in enumerate(spans):
        for minute in range(span.minutes):
            if number == 0 and minute == span.minutes // 2:
                figures[-1:] = [figures[-1]]
                figures.append((0, 0))
                continue
            bad = round(span.events * span.share)
            figures.append((figures[-1][0] + span.events - bad, figures[-1][1] + bad))
    values = [(ok, ok + bad if counts_all else bad) for ok, bad in figures]
    return {
        good: " ".join(str(first) for first, _ in values),
        other: " ".join(str(second) for _, second in values),
    }


def _case(name: str, burn: str, spans: list[Span], at: int, fires: bool) -> dict[str, Any]:
    expression = f'count(ALERTS{{alertname="Headrace{burn}",slo="{name}",alertstate="firing"}})'
    return {
        "interval": f"{STEP_M}m",
        "input_series": [
            {"series": series, "values": values} for series, values in _samples(name, spans).items()
        ],
        "promql_expr_test": [
            {
                "expr": expression,
                "eval_time": f"{at}m",
                "exp_samples": [{"labels": "{}", "value": 1}] if fires else [],
            }
        ],
    }


def _cases(name: str, burn_name: str) -> list[dict[str, Any]]:
    promise, burn = SLOS[name], BURNS[burn_name]
    limit = round((1 - promise["objective"]) * burn["factor"], 12)
    wait, short = _minutes(burn["for"]), _minutes(burn["short"])
    begun = max(wait, 10) + 10
    over = [Span(begun, limit * 1.1)]
    stopped = [Span(begun * 3, min(1.0, limit * 5)), Span(short + 8, 0.0)]
    found = [
        _case(name, burn_name, over, begun, True),
        _case(name, burn_name, over, wait - 1, False),
        _case(name, burn_name, [Span(begun, limit * 0.9)], begun, False),
        # It was bad and is over: the long window still says so, the short one does not. A page goes on for a while.
        _case(name, burn_name, stopped, begun * 3 + short + 8 + _keeps(burn), False),
        _case(name, burn_name, [Span(begun, 0.0, 0)], begun, False),
    ]
    if burn["severity"] == "page":
        few = promise["events_min"] // (2 * begun)
        found.append(_case(name, burn_name, [Span(begun, 1.0, few)], begun, False))
    return found


def _keeps(burn: dict[str, Any]) -> int:
    return _minutes(burn.get("keep", "0m")) + 2 if burn.get("keep") else 0


def _holds(promtool: str, folder: Path, objectives: str, name: str) -> tuple[bool, str]:
    groups = [group for group in slo.groups(objectives) if group["name"] == f"slo-{name}"]
    (folder / "rules.yaml").write_text(json.dumps({"groups": groups}))
    tests = [test for burn in BURNS for test in _cases(name, burn)]
    whole = {"rule_files": ["rules.yaml"], "evaluation_interval": f"{STEP_M}m", "tests": tests}
    (folder / "tests.yaml").write_text(json.dumps(whole))
    done = subprocess.run(
        [promtool, "test", "rules", str(folder / "tests.yaml")], capture_output=True, text=True
    )
    return done.returncode == 0, done.stdout + done.stderr


def test_the_rules_of_the_promises_are_those_committed(promtool: str) -> None:
    file = ROOT / "dashboards" / "rules" / "slo.yaml"
    assert file.read_text() == slo.rendered(OBJECTIVES), "run `make dashboards`"
    subprocess.run([promtool, "check", "rules", str(file)], check=True)


QUICK = ("risk-latency", "api-available")
"""One of each shape; the others have the same rules."""


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=() if n in QUICK else pytest.mark.soak) for n in SLOS]
)
def test_a_budget_that_burns_fires_and_one_that_does_not_is_quiet(
    promtool: str, tmp_path: Path, name: str
) -> None:
    holds, output = _holds(promtool, tmp_path, OBJECTIVES, name)
    assert holds, output


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_a_factor_that_slips_is_noticed(promtool: str, tmp_path: Path, factor: float) -> None:
    def slipped(found: re.Match[str]) -> str:
        return f"factor = {float(found[1]) * factor}"

    mutant = re.sub(r"(?m)^factor = ([0-9.]+)$", slipped, OBJECTIVES)
    holds, output = _holds(promtool, tmp_path, mutant, "risk-latency")
    assert not holds
    assert set(re.findall(r'alertname=\\*"Headrace(\w+)', output)) == BURNS.keys()


@pytest.mark.parametrize("name", SLOS)
def test_a_promise_names_metrics_and_edges_that_exist_and_a_runbook(name: str) -> None:
    promise = SLOS[name]
    for expression in (promise["good"], promise["total"]):
        for metric in re.findall(rf"{PREFIX}\w+", expression):
            assert declared(metric) in BY_NAME
        for metric, edge in re.findall(rf'({PREFIX}\w+)_bucket{{[^}}]*le="([0-9.]+)"', expression):
            assert float(edge) in BY_NAME[declared(metric)].buckets
    headings = re.findall(r"^## (\S+)$", (ROOT / build.RUNBOOKS).read_text(), re.MULTILINE)
    assert f"slo-{name}" in headings


def test_thresholds_are_written_out_as_shares_of_errors() -> None:
    """The table of the workbook: 95 %, 99 % and 99.9 % at each factor."""
    factors = [burn["factor"] for burn in tomllib.loads(OBJECTIVES)["burn"]]
    assert factors == [14.4, 6, 3, 1]
    shares = {
        objective: [slo.threshold({"objective": objective}, {"factor": f}) for f in factors]
        for objective in (0.95, 0.99, 0.999)
    }
    assert shares == {
        0.95: [0.72, 0.3, 0.15, 0.05],
        0.99: [0.144, 0.06, 0.03, 0.01],
        0.999: [0.0144, 0.006, 0.003, 0.001],
    }
