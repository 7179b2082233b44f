"""Worker processes to start, stop, freeze and kill; none outlives the process that started it."""

import os
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx

from streams.ports import LOOPBACK
from streams.processes import Child, Command

ROOT = Path(__file__).parents[2]
DEADLINE_S = 30.0


@dataclass
class Worker:
    """One worker of a group, restarted under its name. session_timeout_s: see the settings."""

    module: str
    brokers: str
    directory: Path
    name: str = "w0"
    app: str = "headrace"
    static: bool = True
    session_timeout_s: float = 6.0
    settings: Mapping[str, str] = field(default_factory=dict)
    child: Child | None = None

    @property
    def log(self) -> Path:
        """What all its starts have printed."""
        return self.directory / f"{self.name}.log"

    def start(self) -> Self:
        """Start it, or start it again."""
        assert self.child is None or self.child.poll() is not None, "one process a name"
        environment = {
            "HEADRACE_APP": self.app,
            "HEADRACE_PROFILE": "simulation",
            "HEADRACE_BROKERS": self.brokers,
            "HEADRACE_INSTANCE": self.name if self.static else "",
            "HEADRACE_DATA": str(self.directory / self.name),
            "HEADRACE_SESSION_TIMEOUT_S": str(self.session_timeout_s),
            **self.settings,
        }
        arguments = [sys.executable, *self.module.split()]
        self.child = Child(Command(arguments, ROOT, self.log, environment=environment))
        return self

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal: SIGKILL, SIGSTOP, SIGCONT, SIGTERM."""
        assert self.child is not None
        os.kill(self.child.pid, number)

    def running(self) -> bool:
        """Whether its process is there."""
        return self.child is not None and self.child.poll() is None

    def wait(self, deadline_s: float = DEADLINE_S) -> int:
        """Its exit code; negative for a signal."""
        assert self.child is not None
        code = self.child.wait(deadline_s)
        assert code is not None, (
            f"{self.name} still runs after {deadline_s} s:\n{self.text()[-2000:]}"
        )
        return code

    def stop(self, deadline_s: float = DEADLINE_S) -> int:
        """Ask it to stop; its exit code."""
        self.signal(signal.SIGTERM)
        return self.wait(deadline_s)

    def kill(self) -> None:
        """Kill -9."""
        self.signal(signal.SIGKILL)
        self.wait()

    def status(self) -> dict[str, Any]:
        """What it says of itself on its ops port, which the settings name; nothing while it does not listen."""
        port = self.settings["HEADRACE_OPS_PORT"]
        try:
            found: dict[str, Any] = httpx.get(f"http://{LOOPBACK}:{port}/status", timeout=2).json()
        except httpx.TransportError:
            return {}
        return found

    def text(self) -> str:
        """What it has printed."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def until_it_says(self, words: str, deadline_s: float = DEADLINE_S, start: int = 0) -> None:
        """Wait for words in its output beyond `start` characters."""
        end = time.monotonic() + deadline_s
        while words not in self.text()[start:]:
            assert self.running(), f"{self.name} ended:\n{self.text()[-2000:]}"
            assert time.monotonic() < end, f"{self.name} never said {words!r}"
            time.sleep(0.02)

    def __enter__(self) -> Self:
        return self if self.child is not None else self.start()

    def __exit__(self, *_: object) -> None:
        if self.running():
            self.kill()
