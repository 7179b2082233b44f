"""A `headrace` process of its own below `up`: worker, sink, api or feed, with its log and its ready probe."""

import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from streams.processes import Child, Command, LocalPartError, describe_exit

READY_DEADLINE_S = 60.0
POLL_S = 0.05
PROBE_TIMEOUT_S = 2.0


@dataclass(frozen=True)
class Launch:
    """How a service starts. ready: the URL that answers 200 once it works.

    may_end: exit code 0 is no failure. once: it must not be started again, since it would begin anew.
    """

    arguments: Sequence[str]
    log: Path
    ready: str
    environment: Mapping[str, str] = field(default_factory=dict)
    may_end: bool = False
    once: bool = False


class Service:
    """One child process; `start` returns once it is ready."""

    def __init__(self, name: str, launch: Launch) -> None:
        self.name = name
        self.may_end = launch.may_end
        self.once = launch.once
        self._launch = launch
        self._child: Child | None = None
        self._stopping = False

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child is not None else None

    def start(self) -> None:
        """Starts it and waits until it is ready; LocalPartError with the end of its log when it does not become so."""
        self._child = child = Child(self._command())
        deadline = time.monotonic() + READY_DEADLINE_S
        while not self._is_ready():
            code = child.poll()
            if code == 0 and self.may_end:
                return
            if code is not None:
                raise self._error(child, f"did not start, {describe_exit(code)}")
            if self._stopping:
                return
            if time.monotonic() > deadline:
                raise self._error(child, f"was not ready within {READY_DEADLINE_S:g} s")
            time.sleep(POLL_S)

    def poll(self) -> int | None:
        """The exit code once it has ended, negative for a signal."""
        return self._child.poll() if self._child is not None else None

    def stop(self, deadline_s: float) -> bool:
        """Asks it to end and kills it after the deadline; whether it ended when asked."""
        self._stopping = True
        return self._child is None or self._child.stop(signal.SIGTERM, deadline_s)

    def log_tail(self) -> str:
        """The last lines that it wrote."""
        return self._child.log_tail() if self._child is not None else ""

    def _command(self) -> Command:
        launch = self._launch
        # -P: the data directory is no place to import from.
        arguments = [sys.executable, "-P", "-m", "api.cli", *launch.arguments]
        return Command(arguments, launch.log.parent, launch.log, environment=launch.environment)

    def _is_ready(self) -> bool:
        try:
            return httpx.get(self._launch.ready, timeout=PROBE_TIMEOUT_S).status_code == 200
        except httpx.HTTPError:
            return False

    def _error(self, child: Child, reason: str) -> LocalPartError:
        return LocalPartError(self.name, reason, child.log, child.log_tail())
