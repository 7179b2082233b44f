"""Workers of one group that come and go while it runs."""

import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import psutil

from streams.ports import free_port
from tests.faults.pair import MENDED_BY_A_RESTART, MODULE, SESSION_S
from tests.faults.workers import Worker

READY_S = 90.0
TRADING, LEARNING = "symbol,account", "learner"
"""Groups of a worker. Learning costs a multiple of trading and, where much is learned, has workers of its own."""

LEARNING_CHUNK = "500"
"""A chunk is folded at one go, which the watchdog of a worker bears for ten seconds."""


class Fleet:
    """Named w0, w1, ...; each has a static name, as pods of a StatefulSet have."""

    def __init__(self, brokers: str, directory: Path, app: str, groups: str = TRADING) -> None:
        self.workers: list[Worker] = []
        directory.mkdir(parents=True, exist_ok=True)
        self._brokers, self._directory, self.app = brokers, directory, app
        self._groups = groups
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def join(self, count: int = 1) -> list[Worker]:
        """Start so many more."""
        joined = [self._worker(len(self.workers) + number) for number in range(count)]
        for worker in joined:
            self._stack.enter_context(worker)
        self.workers += joined
        return joined

    def leave(self) -> int:
        """Ask the last to stop; its exit code. What its stop cut short is made again by who comes after."""
        worker = self.workers.pop()
        code = worker.stop()
        assert code == 0 or code in MENDED_BY_A_RESTART, f"{worker.name} ended with {code}"
        if code:
            print(f"{worker.name} ended with {code}:\n{worker.text()[-1500:]}", file=sys.stderr)
        return code

    def kill(self) -> None:
        """Kill -9 the last."""
        self.workers.pop().kill()

    def until_ready(self) -> None:
        """Wait until every worker has its partitions, restored."""
        end = time.monotonic() + READY_S
        while not all(worker.status().get("state") == "READY" for worker in self.workers):
            for worker in self.workers:
                assert worker.running(), f"{worker.name} ended:\n{worker.text()[-2000:]}"
            assert time.monotonic() < end, [worker.status() for worker in self.workers]
            time.sleep(0.1)

    def resident_mib(self) -> list[float]:
        """The memory of each."""
        pids = [worker.child.pid for worker in self.workers if worker.child is not None]
        return [psutil.Process(pid).memory_info().rss / 2**20 for pid in pids]

    def _worker(self, number: int) -> Worker:
        return Worker(
            MODULE,
            self._brokers,
            self._directory,
            name=f"w{number}",
            app=self.app,
            session_timeout_s=SESSION_S,
            settings={
                "HEADRACE_OPS_PORT": str(free_port()),
                "HEADRACE_ONLY": self._groups,
                **({"HEADRACE_CHUNK_RECORDS": LEARNING_CHUNK} if self._groups == LEARNING else {}),
            },
        )
