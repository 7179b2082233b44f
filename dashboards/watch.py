"""`make watch`: Prometheus and Alertmanager beside a running `headrace up`, and what every expression returns there."""

import json
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from api.supervisor.directory import Run, running  # noqa: E402  this is a tool beside the packages
from dashboards import slo  # noqa: E402
from dashboards.build import expression, rendered, value_of  # noqa: E402
from streams.ports import LOOPBACK, free_port  # noqa: E402

SCRAPE_S = 2
READY_S = 60.0
MACROS = {"$job": ".*", "$instance": ".*", "$__rate_interval": "1m"}


def main(data: Path, *, once: bool) -> int:
    """Serve until Ctrl-C, or with `once` until the table is printed. Returns how many targets were not up."""
    run = running(data)
    if run is None:
        raise SystemExit(f"no `headrace up` runs on {data}")
    prometheus, alertmanager = _programs()
    ports = {"prometheus": free_port(9090), "alertmanager": free_port(9093)}
    folder = data / "watch"
    _configure(folder, run, ports)
    started = [
        _start(
            folder,
            "alertmanager",
            alertmanager,
            ports["alertmanager"],
            ["--cluster.listen-address="],
        ),
        _start(folder, "prometheus", prometheus, ports["prometheus"], []),
    ]
    try:
        url = f"http://{LOOPBACK}:{ports['prometheus']}"
        print(f"Prometheus {url}  Alertmanager http://{LOOPBACK}:{ports['alertmanager']}")
        down = _wait(url)
        for name, text, shown in table(url):
            print(f"{name:34} {shown:>24}  {text[:110]}")
        if not once:
            print("Ctrl-C stops them")
            started[0].wait()
        return down
    except KeyboardInterrupt:
        return 0
    finally:
        for process in started:
            process.terminate()
            process.wait(10)


def table(url: str) -> Iterator[tuple[str, str, str]]:
    """Name, expression and what it returns, of each panel and each alert without its last comparison."""
    for name, text in expressions():
        yield name, text, _value(url, text)


def expressions() -> list[tuple[str, str]]:
    """Of every board and of every alert, as Prometheus is asked."""
    found = []
    for board in sorted(HERE.glob("*.json")):
        for panel in json.loads(board.read_text())["panels"]:
            for target in panel["targets"]:
                text = target["expr"]
                for macro, value in MACROS.items():
                    text = text.replace(macro, value)
                found.append((panel["title"], text))
    for alert in tomllib.loads((HERE / "objectives.toml").read_text())["alert"]:
        found.append((f"alert {alert['name']}", value_of(alert)))
        found.append((f"alert {alert['name']} fires", expression(alert)))
    return found


def _programs() -> tuple[str, str]:
    prometheus = shutil.which("prometheus")
    alertmanager = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
    if prometheus is None or alertmanager is None:
        raise SystemExit("Prometheus and Alertmanager are not installed: run `make watch`")
    return prometheus, alertmanager


def _configure(folder: Path, run: Run, ports: dict[str, int]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    targets = [run.worker_url, run.sink_url, run.feed_url, run.api_ops_url]
    config: dict[str, Any] = {
        "global": {"scrape_interval": f"{SCRAPE_S}s", "evaluation_interval": "15s"},
        "rule_files": ["rules.yaml", "slo.yaml"],
        "alerting": {
            "alertmanagers": [
                {"static_configs": [{"targets": [f"{LOOPBACK}:{ports['alertmanager']}"]}]}
            ]
        },
        "scrape_configs": [
            {
                "job_name": "headrace",
                "static_configs": [
                    {"targets": [url.removeprefix("http://") for url in targets if url]}
                ],
            }
        ],
    }
    (folder / "prometheus.yml").write_text(json.dumps(config, indent=2))
    objectives = (HERE / "objectives.toml").read_text()
    (folder / "rules.yaml").write_text(rendered(objectives))
    (folder / "slo.yaml").write_text(slo.rendered(objectives))
    (folder / "alertmanager.yml").write_text((HERE / "alertmanager.yaml").read_text())


def _start(
    folder: Path, name: str, program: str, port: int, more: list[str]
) -> "subprocess.Popen[bytes]":
    store = "--storage.tsdb.path" if name == "prometheus" else "--storage.path"
    with (folder / f"{name}.log").open("ab") as log:
        return subprocess.Popen(
            [
                program,
                f"--config.file={folder / name}.yml",
                f"{store}={folder / name}",
                f"--web.listen-address={LOOPBACK}:{port}",
                *more,
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
        )


def _wait(url: str) -> int:
    """Until all targets are up and the rules were evaluated; how many are not."""
    end = time.monotonic() + READY_S
    down = -1
    while time.monotonic() < end:
        try:
            found = httpx.get(f"{url}/api/v1/targets", timeout=5).json()["data"]["activeTargets"]
            down = sum(target["health"] != "up" for target in found)
            ready = httpx.get(f"{url}/api/v1/query", params={"query": "ALERTS"}, timeout=5).json()
            if found and not down and ready["data"]["result"]:
                print(f"{len(found)} targets up; rules: {_rules(url)}")
                time.sleep(4 * SCRAPE_S)  # a rate needs samples
                return 0
        except httpx.HTTPError:
            pass
        time.sleep(1)
    print(f"{down} targets are not up")
    return down


def _rules(url: str) -> str:
    groups = httpx.get(f"{url}/api/v1/rules", timeout=5).json()["data"]["groups"]
    health = [rule["health"] for group in groups for rule in group["rules"]]
    return f"{health.count('ok')} of {len(health)} evaluated without error"


def _value(url: str, text: str) -> str:
    answer = httpx.get(f"{url}/api/v1/query", params={"query": text}, timeout=10).json()
    if answer["status"] != "success":
        return re.sub(r"\s+", " ", answer["error"])[:24]
    result = answer["data"]["result"]
    if not result:
        return "no series"
    return f"{len(result)} series, {float(result[0]['value'][1]):.4g}"


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if word != "--once"]
    sys.exit(main(Path(words[0] if words else ".headrace"), once="--once" in sys.argv))
