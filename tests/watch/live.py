"""A running `headrace up` for the tests of what watches it: made to do what its panels and alerts show."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from api.supervisor.directory import Run, running
from streams.ports import LOOPBACK

START_S, END_S = 240.0, 60.0
PROFILE = "HEADRACE_PROFILE"


def until(holds: Callable[[], Any], seconds: float, what: str) -> Any:
    """What `holds` returns once it is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if found := holds():
                return found
        except (httpx.HTTPError, OSError):
            pass
        time.sleep(0.5)
    raise AssertionError(f"after {seconds:.0f} s: no {what}")


class Live:
    """One `headrace up` on a folder. api: a client with its token."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        words = ["up", "--feed", "synthetic", "--controls", "--no-view", "--partitions", "2"]
        with (folder / "up.log").open("wb") as log:
            self._process = subprocess.Popen(
                [*_HEADRACE, *words, "--data", str(self.data)], stdout=log, stderr=log
            )
        self.run: Run = until(lambda: running(self.data), START_S, "run")
        headers = {"Authorization": f"Bearer {self.run.api_token}"}
        self.api = httpx.Client(base_url=self.run.api_url, headers=headers, timeout=10)
        until(lambda: self.api.get("/v1/marks").json().get("marks"), START_S, "marks")

    def stop(self) -> None:
        self.api.close()
        self._process.terminate()
        self._process.wait(END_S)

    def headrace(self, *words: str) -> str:
        """One command beside it."""
        done = subprocess.run(
            [*_HEADRACE, *words, "--data", str(self.data)], capture_output=True, text=True
        )
        return done.stdout + done.stderr

    def kill_worker(self) -> int:
        """As a crash does; the supervisor starts another."""
        found = self.worker()
        assert found, "no worker runs"
        os.kill(found, signal.SIGKILL)
        return found

    def worker(self) -> int:
        """Its process id, 0 while there is none."""
        return _worker_of(self._process.pid)

    def provoke(self) -> None:
        """Refusals, a duplicate, a dead letter, a cancel, a bracket, requests without token, an order's life."""
        symbol = self.api.get("/v1/marks").json()["marks"][0]["symbol"]
        account = self.run.strategy_account
        order = ("order", "--account", account, "--symbol", symbol, "--side", "buy", "--quantity")
        sent = "2026-01-01T00:00:00Z"
        for words in (
            (*order, "NaN"),
            (*order, "1000000"),
            (*order, "0.001", "--id", "watched", "--created-at", sent),
            (*order, "0.001", "--id", "watched", "--created-at", sent),
            (*order, "0.001", "--limit", "1", "--id", "resting"),
            ("order", "--account", account, "--raw", "no JSON"),
        ):
            self.headrace(*words)
        for path in PATHS:
            self.api.get(path)
        httpx.get(f"{self.run.api_url}/v1/status")

    def turn(self, action: str, scope: str) -> None:
        """Engage or release the kill switch."""
        headers = {}
        if action == "release":
            tag = self.api.get("/v1/kill-switch").headers["etag"]
            headers = {"If-Match": tag, "Idempotency-Key": f"{action}{scope}{time.monotonic()}"}
        body = {"scope": scope, "action": action, "reason": "watch test"}
        assert self.api.post("/v1/kill-switch", json=body, headers=headers).status_code == 202


PATHS = (
    "/v1/status",
    "/v1/orders",
    "/v1/fills",
    "/v1/topics",
    "/v1/models",
    "/v1/positions",
    "/v1/none",
)
_HEADRACE = (sys.executable, "-P", "-m", "api.cli")


def _worker_of(parent: int) -> int:
    told = subprocess.run(
        ["ps", "--ppid", str(parent), "-o", "pid=,args="],
        capture_output=True,
        text=True,
        check=True,
    )
    for line in told.stdout.splitlines():
        pid, _, words = line.strip().partition(" ")
        if words.startswith("[Faust:Worker]") or words.endswith(" worker"):  # Faust renames it
            return int(pid)
    return 0


@contextmanager
def webhook() -> Iterator[tuple[str, list[tuple[str, dict[str, Any]]]]]:
    """A receiver for Alertmanager: its URL, and what came: the receiver's name and the message."""
    told: list[tuple[str, dict[str, Any]]] = []

    class Take(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told.append((self.path.strip("/"), json.loads(body)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer((LOOPBACK, 0), Take)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://{LOOPBACK}:{server.server_port}", told
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
