"""One alert from end to end: a process that runs insecurely, Prometheus, Alertmanager, and a webhook that is told."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.supervisor.directory import Run
from dashboards.servers import serving, wait
from streams.ports import LOOPBACK, free_port
from tests.support.tools import tool
from tests.watch.live import until, webhook

pytestmark = [pytest.mark.soak, pytest.mark.timeout(400)]

START_S, PAGED_S, STOP_S = 60.0, 200.0, 30.0
"""The alert must hold for a minute, and Alertmanager gathers a group for half of one."""


def test_a_process_that_runs_insecurely_in_staging_pages_a_webhook(tmp_path: Path) -> None:
    tool("prometheus", "make watch")
    ops_port = free_port()
    ops = f"http://{LOOPBACK}:{ops_port}"
    process = _insecure_api(tmp_path, ops_port)
    run = Run(0, "paged", "", 1, "", "", "", "", "", "", "", api_ops_url=ops)
    try:
        until(lambda: httpx.get(f"{ops}/metrics").status_code == 200, START_S, "ops port")
        with webhook() as (url, told), serving(tmp_path / "watch", run, url) as servers:
            assert wait(servers.prometheus)[:2] == (1, 0)
            began = time.monotonic()
            alert: dict[str, Any] = until(lambda: _page(told), PAGED_S, "page")
            print(f"paged after {time.monotonic() - began:.0f} s: {alert['annotations']}")
    finally:
        process.terminate()
        process.wait(STOP_S)
    assert alert["labels"]["severity"] == "page"
    assert alert["labels"]["instance"] == f"{LOOPBACK}:{ops_port}"
    assert alert["annotations"]["runbook_url"] == "docs/runbooks.md#insecuredefault"
    deadman = [message for receiver, message in told if receiver == "deadman"]
    assert deadman, "the watchdog goes to its own receiver"


def _insecure_api(folder: Path, ops_port: int) -> "subprocess.Popen[bytes]":
    """The real process, without a broker and a store: what it runs with is told from its start on."""
    given = {
        "HEADRACE_PROFILE": "staging",
        "HEADRACE_ALLOW_INSECURE_DEFAULTS": "true",
        "HEADRACE_BROKERS": f"{LOOPBACK}:{free_port()}",
        "HEADRACE_DATA": str(folder / "none"),
        "HEADRACE_API_PORT": str(free_port()),
        "HEADRACE_OPS_PORT": str(ops_port),
    }
    with (folder / "api.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "api.cli", "api"],
            stdout=log,
            stderr=log,
            env={**os.environ, **given},
        )


def _page(told: list[tuple[str, dict[str, Any]]]) -> dict[str, Any] | None:
    for receiver, message in told:
        for alert in message["alerts"]:
            if receiver == "page" and alert["labels"]["alertname"] == "HeadraceInsecureDefault":
                found: dict[str, Any] = alert
                return found
    return None
