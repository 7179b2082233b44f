"""Prometheus and Alertmanager beside a running `headrace up`, over the committed rules and routes."""

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import yaml

from api.supervisor.directory import Run
from dashboards import slo
from dashboards.build import rendered
from streams.ports import LOOPBACK, free_port

HERE = Path(__file__).parent
SCRAPE_S, EVALUATE_S = 2, 5
READY_S = 60.0
END_S = 10


class Servers(NamedTuple):
    """Where the two listen."""

    prometheus: str
    alertmanager: str


@contextmanager
def serving(folder: Path, run: Run, webhook: str = "") -> Iterator[Servers]:
    """Both, while the context lasts. webhook: what every receiver sends to; else alerts are only shown."""
    programs = _programs()
    ports = {"alertmanager": free_port(9093), "prometheus": free_port(9090)}
    _configure(folder, run, ports["alertmanager"], webhook)
    started = [_start(folder, name, program, ports[name]) for name, program in programs.items()]
    try:
        urls = {name: f"http://{LOOPBACK}:{port}" for name, port in ports.items()}
        yield Servers(urls["prometheus"], urls["alertmanager"])
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(END_S)


def wait(url: str) -> tuple[int, int, str]:
    """Until all targets are up and the rules were evaluated: targets, those not up, and what rules came to."""
    end = time.monotonic() + READY_S
    found: list[dict[str, Any]] = []
    while time.monotonic() < end:
        try:
            found = httpx.get(f"{url}/api/v1/targets", timeout=5).json()["data"]["activeTargets"]
            ready = httpx.get(f"{url}/api/v1/query", params={"query": "ALERTS"}, timeout=5).json()
            if found and not _down(found) and ready["data"]["result"]:
                break
        except (httpx.HTTPError, ValueError):
            pass  # it starts, and says so in plain text
        time.sleep(1)
    return len(found), _down(found), _rules(url)


def _down(targets: list[dict[str, Any]]) -> int:
    return sum(target["health"] != "up" for target in targets)


def _rules(url: str) -> str:
    groups = httpx.get(f"{url}/api/v1/rules", timeout=5).json()["data"]["groups"]
    health = [rule["health"] for group in groups for rule in group["rules"]]
    return f"{health.count('ok')} of {len(health)} evaluated without error"


def _programs() -> dict[str, str]:
    prometheus = shutil.which("prometheus")
    alertmanager = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
    if prometheus is None or alertmanager is None:
        raise SystemExit("Prometheus and Alertmanager are not installed: run `make watch`")
    return {"alertmanager": alertmanager, "prometheus": prometheus}


def _configure(folder: Path, run: Run, alertmanager_port: int, webhook: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    urls = (run.worker_url, run.sink_url, run.feed_url, run.api_ops_url, run.promotion_url)
    targets = [url.removeprefix("http://") for url in urls if url]
    alertmanagers = {"static_configs": [{"targets": [f"{LOOPBACK}:{alertmanager_port}"]}]}
    config = {
        "global": {"scrape_interval": f"{SCRAPE_S}s", "evaluation_interval": f"{EVALUATE_S}s"},
        "rule_files": ["rules.yaml", "slo.yaml"],
        "alerting": {"alertmanagers": [alertmanagers]},
        "scrape_configs": [{"job_name": "headrace", "static_configs": [{"targets": targets}]}],
    }
    objectives = (HERE / "objectives.toml").read_text()
    routes = yaml.safe_load((HERE / "alertmanager.yaml").read_text())
    if webhook:
        for receiver in routes["receivers"]:
            receiver["webhook_configs"] = [{"url": f"{webhook}/{receiver['name']}"}]
    (folder / "prometheus.yml").write_text(json.dumps(config, indent=2))
    (folder / "rules.yaml").write_text(rendered(objectives))
    (folder / "slo.yaml").write_text(slo.rendered(objectives))
    (folder / "alertmanager.yml").write_text(json.dumps(routes, indent=2))


def _start(folder: Path, name: str, program: str, port: int) -> "subprocess.Popen[bytes]":
    options = {
        "prometheus": ["--storage.tsdb.path"],
        "alertmanager": ["--cluster.listen-address=", "--storage.path"],
    }
    *more, store = options[name]
    command = [program, f"--config.file={folder / name}.yml", f"{store}={folder / name}", *more]
    with (folder / f"{name}.log").open("ab") as log:
        return subprocess.Popen(
            [*command, f"--web.listen-address={LOOPBACK}:{port}"], stdout=log, stderr=log
        )
