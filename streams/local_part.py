"""A server that Headrace brings along and runs itself: the life cycle shared by Kafka, PostgreSQL and Valkey."""

import fcntl
import os
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, NoReturn, Self

from streams import launcher
from streams.ports import LOOPBACK, free_port, is_free
from streams.processes import Child, Command, LocalPartError, describe_exit, run_to_end

POLL_S = 0.02
PREPARE_DEADLINE_S = 120.0
# A server whose owner was just killed is killed with it, but needs a moment to be gone.
LOCK_DEADLINE_S = 2.0

Progress = Callable[[str], None]


def silent(_message: str) -> None:
    """Progress that nobody watches."""


class LocalPart(ABC):
    """A server in a data directory of its own, on a loopback port, that dies with this process.

    `start` returns once the server answers; `stop` ends it in order, `kill` at once (SIGKILL). The
    data directory can be started again after either, on the same port where that is free. One
    server holds a data directory at a time. Everything raises LocalPartError, which names the part
    and its log. Any thread may start it, one call at a time.
    """

    name: ClassVar[str]
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM
    start_deadline_s: ClassVar[float] = 90.0

    def __init__(
        self, data_dir: Path, *, port: int | None = None, progress: Progress = silent
    ) -> None:
        self.data_dir = data_dir.absolute()
        self.log = self.data_dir / "log.txt"
        self._wanted_port = port
        self._port: int | None = None
        self._progress = progress
        self._child: Child | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """Where clients connect."""

    @property
    def port(self) -> int:
        if self._port is None:
            raise LocalPartError(self.name, "has no port before it is started")
        return self._port

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child is not None else None

    def poll(self) -> int | None:
        """The exit code of a server that ended by itself; None while it runs or when it was not started."""
        return self._child.poll() if self._child is not None else None

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def start(self) -> None:
        """Starts the server and waits until it answers."""
        if self.running:
            raise LocalPartError(self.name, f"is running already, as process {self.pid}")
        try:
            self.data_dir.mkdir(parents=True, exist_ok=True)
            self._launch()
        except OSError as error:
            reason = f"data directory {self.data_dir} cannot be used: {error}"
            raise LocalPartError(self.name, reason) from error
        try:
            self._wait_until_it_answers()
        except BaseException:
            self.kill()
            raise
        (self.data_dir / "port").write_text(f"{self.port}\n")

    def stop(self, deadline_s: float = 10.0) -> bool:
        """Asks the server to end and kills it after the deadline; whether it ended when asked."""
        child, self._child = self._child, None
        if child is None:
            return True
        in_order = child.stop(self.stop_signal, deadline_s)
        self._wait_until_unlocked()
        return in_order

    def kill(self) -> None:
        """Ends the server at once, as a crash would."""
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            self._wait_until_unlocked()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @abstractmethod
    def _prepare(self) -> None:
        """Makes the data directory fit for a start; nothing else uses it meanwhile."""

    @abstractmethod
    def _command(self, port: int) -> Sequence[str]:
        """The server's command; it runs in the data directory."""

    @abstractmethod
    def _answers(self, port: int) -> bool:
        """Whether the server serves requests now."""

    def _user(self) -> int:
        return launcher.KEEP_USER

    def _environment(self) -> Mapping[str, str]:
        return {}

    def _run_tool(self, what: str, arguments: Sequence[str]) -> None:
        self._progress(f"{self.name}: {what}")
        run_to_end(self.name, what, self._to_run(arguments), PREPARE_DEADLINE_S)

    def _to_run(self, arguments: Sequence[str], inherited_files: Sequence[int] = ()) -> Command:
        return Command(
            arguments,
            directory=self.data_dir,
            log=self.log,
            user=self._user(),
            environment=self._environment(),
            inherited_files=inherited_files,
        )

    def _launch(self) -> None:
        with self._locked() as lock:
            self._prepare()
            self._port = self._choose_port()
            self._progress(f"{self.name}: starting on port {self._port}")
            self._child = Child(self._to_run(self._command(self._port), inherited_files=[lock]))
            os.truncate(lock, 0)
            os.pwrite(lock, f"{self._child.pid}\n".encode(), 0)

    def _choose_port(self) -> int:
        if self._wanted_port is not None:
            if not is_free(self._wanted_port):
                raise LocalPartError(self.name, f"port {self._wanted_port} is in use")
            return self._wanted_port
        remembered = self.data_dir / "port"
        return free_port(int(remembered.read_text()) if remembered.exists() else None)

    def _wait_until_it_answers(self) -> None:
        assert self._child is not None
        started = time.monotonic()
        while not self._answers(self.port):
            waited_s = time.monotonic() - started
            code = self._child.poll()
            if code is not None:
                self._fail(f"did not start, {describe_exit(code)} after {waited_s:.1f} s")
            if waited_s > self.start_deadline_s:
                self._fail(f"did not answer on {LOOPBACK}:{self.port} within {waited_s:.0f} s")
            time.sleep(POLL_S)

    def _fail(self, reason: str) -> NoReturn:
        assert self._child is not None
        raise LocalPartError(self.name, reason, self.log, self._child.log_tail())

    @contextmanager
    def _locked(self) -> Iterator[int]:
        """The lock of the data directory as a file number: held on by every process that inherits it.

        So it says exactly whether any process of a former start is left, whatever became of its owner.
        """
        lock = os.open(self.data_dir / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if not _take_lock(lock, LOCK_DEADLINE_S):
                holder = os.pread(lock, 32, 0).decode().strip() or "unknown"
                raise LocalPartError(
                    self.name, f"data directory {self.data_dir} is in use by process {holder}"
                )
            yield lock
        finally:
            os.close(lock)

    def _wait_until_unlocked(self) -> None:
        """Waits for the processes that the server itself started."""
        with self._locked():
            pass


def _take_lock(lock: int, deadline_s: float) -> bool:
    end = time.monotonic() + deadline_s
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                return False
            time.sleep(POLL_S)
        else:
            return True
