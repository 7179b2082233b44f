"""`headrace up` as a person runs it: one process, its children, and what is left of them."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from api.supervisor.directory import Run, running
from streams.instants import time_text

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.postgres,
    pytest.mark.valkey,
    pytest.mark.timeout(240),
]

READY_S = 120.0
FIRST_SENT = time_text(time.time_ns())
STOP_S = 12.0
"""Ten seconds are promised; the rest is for a machine that has other work."""


class Up:
    """A running `headrace up` and its output."""

    def __init__(self, data: Path, *arguments: str) -> None:
        self._output = data.with_name(f"{data.name}.out")
        self._data = data
        command = [sys.executable, "-P", "-m", "api.cli", "up", "--data", str(data), "--no-view"]
        with self._output.open("ab") as output:
            self.process = subprocess.Popen(
                [*command, *arguments],
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "HEADRACE_API_PORT": "18080"},
            )

    @property
    def output(self) -> str:
        return self._output.read_text()

    def run(self) -> Run:
        """Where it listens, once all parts run."""
        _wait(lambda: running(self._data) is not None or self.process.poll() is not None, READY_S)
        found = running(self._data)
        assert found is not None, self.output
        return found

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def stop(self, by: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(by)
        return self.process.wait(STOP_S)


def _wait(holds: Callable[[], bool], seconds: float) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.1)


def _left(children: list[psutil.Process]) -> list[psutil.Process]:
    _gone, alive = psutil.wait_procs(children, timeout=2)
    return alive


@pytest.fixture
def started() -> Iterator[Callable[..., Up]]:
    ups: list[Up] = []

    def start(data: Path, *arguments: str) -> Up:
        ups.append(Up(data, *arguments))
        return ups[-1]

    yield start
    for up in ups:
        if up.process.poll() is None:
            up.process.kill()  # its children die with it
            up.process.wait()


def _positions(run: Run) -> dict[str, Any]:
    """Quantity and net result by symbol, once the API knows them."""
    found: dict[str, Any] = {}

    def answered() -> bool:
        try:
            answer = httpx.get(
                f"{run.api_url}/v1/positions",
                headers={"Authorization": f"Bearer {run.api_token}"},
                timeout=2.0,
            )
        except httpx.HTTPError:
            return False
        if answer.status_code != 200 or not answer.json()["positions"]:
            return False
        positions = answer.json()["positions"]
        found.update({p["symbol"]: (p["qty"], p["net"], p["fees"]) for p in positions})
        return True

    _wait(answered, 60.0)
    return found


def test_a_bounded_run_reports_what_adds_up(started: Callable[..., Up], tmp_path: Path) -> None:
    report = tmp_path / "r.json"
    up = started(tmp_path / "d", "--feed", "synthetic", "--for", "15s", "--report", str(report))
    assert up.process.wait(230) == 0, up.output
    told = json.loads(report.read_text())
    assert told["equal"] is True
    assert told["differing"] == []
    counts = told["counts"]
    assert counts["ticks"] > 0
    assert counts["quotes"] > 0
    assert counts["predictions"] > 0
    assert counts["dead_letters"] == 0
    assert told["feed"]["equal"] is True
    assert told["sink"]["trades"] == {
        "rows": counts["ticks"],
        "topic": "market.trades",
        "records": counts["ticks"],
        "equal": True,
    }
    assert told["latency_seconds"]["event_age"]["symbol"]["p50"] > 0
    assert len(told["sha256"]["fills[0]"]) == 64
    assert told["versions"]["kafka"] == "4.1.0"


def test_it_stops_in_ten_seconds_and_goes_on_where_it_was(
    started: Callable[..., Up], tmp_path: Path
) -> None:
    data = tmp_path / "d"
    up = started(data, "--feed", "synthetic", "--fresh", "--strategy", "none")
    run = up.run()

    refused = subprocess.run(
        [sys.executable, "-P", "-m", "api.cli", "up", "--data", str(data), "--no-view"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert refused.returncode == 71
    assert f"runs on {data} already, as process {up.process.pid}" in refused.stderr

    bought = _buy_at_the_first_price(data)
    children = up.children()
    assert len(children) >= 7
    began = time.monotonic()
    assert up.stop(signal.SIGINT) == 0, up.output
    assert time.monotonic() - began < STOP_S
    assert _left(children) == []
    assert running(data) is None

    again = started(data, "--feed", "synthetic", "--strategy", "none")
    run = again.run()
    held = _positions(run)
    assert held["BTC/USD.SIM"][0] == "0.01", again.output
    repeated = _buy(data, bought)
    assert "decision  duplicate" in repeated.stdout
    assert _steps(repeated) == ["decision"]
    children = again.children()
    assert again.stop(signal.SIGTERM) == 0, again.output
    assert _left(children) == []


def test_children_die_with_a_killed_supervisor(started: Callable[..., Up], tmp_path: Path) -> None:
    up = started(tmp_path / "d", "--feed", "synthetic")
    up.run()
    children = up.children()
    up.process.kill()
    up.process.wait()
    assert _left(children) == []


def test_a_part_that_does_not_start_is_named_with_its_log(
    started: Callable[..., Up], tmp_path: Path
) -> None:
    data = tmp_path / "d"
    data.mkdir()
    (data / "headrace-data.json").write_text('{"layout": 1, "partitions": 2}\n')
    (data / "valkey").write_text("a file where the part keeps its data")
    up = started(data, "--feed", "synthetic")
    assert up.process.wait(120) == 1
    assert "Valkey: data directory" in up.output
    assert "stopped" in up.output


def _buy_at_the_first_price(data: Path) -> str:
    """The id of a small market order that was filled; before the first mark orders are rejected."""
    for number in range(15):
        sent = _buy(data, f"buy-{number}")
        if sent.returncode == 0:
            assert "fill" in _steps(sent), sent.stdout
            return f"buy-{number}"
        time.sleep(0.5)
    raise AssertionError(sent.stdout + sent.stderr)


def _steps(sent: "subprocess.CompletedProcess[str]") -> list[str]:
    """The kinds of the lines after the first."""
    return [line.split()[0] for line in sent.stdout.splitlines()[1:]]


def _buy(data: Path, client_order_id: str) -> "subprocess.CompletedProcess[str]":
    order = "order --account paper --symbol BTC/USD.SIM --side buy --quantity 0.01".split()
    # The same bytes under the same id each time it is sent.
    more = ["--id", client_order_id, "--created-at", FIRST_SENT]
    more += ["--wait", "--wait-seconds", "30", "--data", str(data)]
    return subprocess.run(
        [sys.executable, "-P", "-m", "api.cli", *order, *more],
        capture_output=True,
        text=True,
        timeout=90,
    )
