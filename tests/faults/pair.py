"""Two workers of the real system under a supervisor, as production runs them, and what each of their ends was."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event
from typing import Self

from streams.exits import Exit
from streams.ports import free_port
from tests.faults.workers import Worker
from tests.support.beside import beside

MODULE = "-m api.cli worker"
MENDED_BY_A_RESTART = frozenset(
    {Exit.FENCED, Exit.TRANSACTION, Exit.NO_BROKER, Exit.STALLED, Exit.RESTORE_STALLED}
)
FENCED = frozenset({Exit.FENCED, Exit.TRANSACTION})
"""A producer learns of its fence by a refused record, which has no code of its own, or from the coordinator."""

KILLED = -9
WATCH_S = 0.05
SESSION_S = 6.0


class Pair:
    """Workers w0 and w1, restarted when killed or when they end with a code that a restart mends.

    ends: (worker, exit code) of every end. Any other code is kept in `broken`, and its worker stays down.
    """

    def __init__(self, brokers: str, directory: Path, app: str = "headrace") -> None:
        self.app = app
        self.ends: list[tuple[str, int]] = []
        self.broken: list[tuple[str, int]] = []
        self.workers = [
            Worker(
                MODULE,
                brokers,
                directory,
                name=f"w{number}",
                app=app,
                session_timeout_s=SESSION_S,
                settings={"HEADRACE_OPS_PORT": str(free_port())},
            )
            for number in range(2)
        ]
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        for worker in self.workers:
            self._stack.enter_context(worker)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @contextmanager
    def supervised(self) -> Iterator[None]:
        """Restart what ends while the body runs."""
        with beside(self._watch):
            yield

    def _watch(self, over: Event) -> None:
        while not over.is_set():
            for worker in self.workers:
                if not worker.running() and (worker.name, self._code(worker)) not in self.broken:
                    self._restart(worker)
            time.sleep(WATCH_S)

    def _code(self, worker: Worker) -> int:
        assert worker.child is not None
        code = worker.child.poll()
        assert code is not None, "it has ended"
        return code

    def _restart(self, worker: Worker) -> None:
        code = self._code(worker)
        self.ends.append((worker.name, code))
        if code == KILLED or code in MENDED_BY_A_RESTART:
            worker.start()
        else:
            self.broken.append((worker.name, code))

    def state(self, worker: Worker) -> str:
        """READY, RECOVERING, or LOADING while it has no ops port yet."""
        return str(worker.status().get("state", "LOADING")) if worker.running() else "LOADING"

    def stop(self) -> list[int]:
        """Ask both to stop; their exit codes."""
        return [worker.stop(15) for worker in self.workers]

    def start(self) -> None:
        """Start both again."""
        for worker in self.workers:
            worker.start()

    def kill(self) -> None:
        """Kill -9 both."""
        for worker in self.workers:
            worker.kill()

    def steps(self, deadline_s: float = 60.0) -> int:
        """The inputs that both say they have applied, once both are ready."""
        end = time.monotonic() + deadline_s
        while True:
            assert not self.broken, f"{self.broken}:\n{self.workers[0].text()[-2000:]}"
            found = [worker.status() for worker in self.workers]
            if all(status.get("state") == "READY" for status in found):
                return sum(int(status["steps"]) for status in found)
            assert time.monotonic() < end, f"not ready: {found}"
            time.sleep(0.2)
