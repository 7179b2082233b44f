"""Exclusive CPU seconds by phase of one thread: coarse timers around functions, far cheaper than a profiler.

CPU time of the thread, since on a busy machine the wall clock tells of the neighbours.
"""

import functools
import gc
import threading
import time
from collections import Counter, defaultdict
from typing import Any


class Phases:
    """Wrapped functions count to their phase, less what wrapped functions within them take."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.calls: Counter[str] = Counter()
        self._inner: list[float] = []
        self._thread = threading.get_ident()

    def wrap(self, owner: Any, name: str, phase: str) -> None:
        """Time this function of a class or object from now on, in the thread that made this object."""
        original = getattr(owner, name)

        @functools.wraps(original)
        def timed(*arguments: Any, **named: Any) -> Any:
            if threading.get_ident() != self._thread:
                return original(*arguments, **named)
            started = self._enter()
            try:
                return original(*arguments, **named)
            finally:
                self._leave(phase, started)

        setattr(owner, name, timed)

    def watch_collector(self, phase: str) -> None:
        """Count the garbage collector's work to this phase, wherever it strikes."""
        started = 0.0

        def collecting(moment: str, _: dict[str, int]) -> None:
            nonlocal started
            if threading.get_ident() != self._thread:
                return
            if moment == "start":
                started = self._enter()
            elif started:
                self._leave(phase, started)

        gc.callbacks.append(collecting)

    def _enter(self) -> float:
        self._inner.append(0.0)
        return time.thread_time()

    def _leave(self, phase: str, started: float) -> None:
        whole = time.thread_time() - started
        self.seconds[phase] += whole - self._inner.pop()
        self.calls[phase] += 1
        if self._inner:
            self._inner[-1] += whole

    def reset(self) -> None:
        """Begin anew; what is under way counts from its own start."""
        self.seconds.clear()
        self.calls.clear()


def cpu_by_thread() -> dict[str, float]:
    """CPU seconds of each thread of this process so far, by name."""
    return {
        thread.name: time.clock_gettime(time.pthread_getcpuclockid(thread.ident))
        for thread in threading.enumerate()
        if thread.ident is not None
    }
