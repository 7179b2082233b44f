"""A local part's process: started with a log file, ended in order or at once, and never outliving this process."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from streams import launcher

LOG_BYTES_MAX = 8_000_000
LOG_TAIL_LINES = 12
LOG_TAIL_BYTES = 16_384

# A child is killed when the thread that started it ends, not only when the process does, so all are started by one
# thread that lives as long as the process.
_starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="starter-of-local-parts")


class LocalPartError(Exception):
    """A local part that cannot start or run: which one, why, and where its log is."""

    def __init__(self, part: str, reason: str, log: Path | None = None, lines: str = "") -> None:
        self.part = part
        self.reason = reason
        self.log = log
        text = f"{part}: {reason}"
        if log is not None:
            text += f"\n  log: {log}"
        if lines:
            text += "".join(f"\n  | {line}" for line in lines.splitlines())
        super().__init__(text)


@dataclass(frozen=True)
class Command:
    """What a child runs, where, and as whom."""

    arguments: Sequence[str]
    directory: Path
    log: Path
    user: int = launcher.KEEP_USER
    environment: Mapping[str, str] = field(default_factory=dict)
    inherited_files: Sequence[int] = ()


class Child:
    """A running child in a session of its own, so that Ctrl-C on the terminal reaches it only through its owner."""

    def __init__(self, command: Command) -> None:
        self.log = command.log
        _rotate(command.log)
        with command.log.open("ab") as output:
            self._log_start = output.tell()
            self._process = _starter.submit(_start, command, output.fileno()).result()

    @property
    def pid(self) -> int:
        return self._process.pid

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._process.poll()

    def wait(self, deadline_s: float) -> int | None:
        """The exit code, or None when the deadline passed first."""
        try:
            return self._process.wait(deadline_s)
        except subprocess.TimeoutExpired:
            return None

    def stop(self, stop_signal: signal.Signals, deadline_s: float) -> bool:
        """Asks it to end and kills it after the deadline; whether it ended when asked."""
        if self.poll() is None:
            self._process.send_signal(stop_signal)
        if self.wait(deadline_s) is not None:
            return True
        self.kill()
        return False

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def log_tail(self) -> str:
        """The last lines that this run wrote, without the frames of Java's stack traces, which hide the cause."""
        with self.log.open("rb") as log:
            end = log.seek(0, os.SEEK_END)
            log.seek(max(self._log_start, end - LOG_TAIL_BYTES))
            lines = log.read().decode(errors="replace").splitlines()
        told = [line for line in lines if not line.startswith("\tat ")]
        return "\n".join(told[-LOG_TAIL_LINES:])


def run_to_end(part: str, what: str, command: Command, deadline_s: float) -> None:
    """Runs a command that prepares a part; raises LocalPartError unless it ends well within the deadline."""
    child = Child(command)
    try:
        code = child.wait(deadline_s)
        if code is None:
            raise LocalPartError(
                part, f"{what} took more than {deadline_s:g} s", child.log, child.log_tail()
            )
        if code != 0:
            raise LocalPartError(
                part, f"{what} failed, {describe_exit(code)}", child.log, child.log_tail()
            )
    finally:
        child.kill()


def describe_exit(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"


def _start(command: Command, output: int) -> subprocess.Popen[bytes]:
    launch = [sys.executable, "-I", "-S", launcher.__file__, str(os.getpid()), str(command.user)]
    return subprocess.Popen(
        [*launch, *command.arguments],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        cwd=command.directory,
        env={**os.environ, **command.environment},
        pass_fds=tuple(command.inherited_files),
        start_new_session=True,
    )


def _rotate(log: Path) -> None:
    if log.exists() and log.stat().st_size > LOG_BYTES_MAX:
        log.replace(log.with_name(log.name + ".1"))
