"""Probes: named checks and the text that answers for them, the same on every port that has probes."""

import time
from collections.abc import Callable, Collection, Mapping

Checks = Mapping[str, Callable[[], bool]]
BEAT_SECONDS_MAX = 10.0


class Beat:
    """The sign of life of an event loop: its owner calls `strike` every second, the live check looks when."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last = clock()

    def strike(self) -> None:
        self._last = self._clock()

    def is_young(self) -> bool:
        return self._clock() - self._last < BEAT_SECONDS_MAX


def answer(
    checks: Checks, *, exclude: Collection[str] = (), verbose: bool = False
) -> tuple[int, str]:
    """Status and text of a probe: 200 `ok` when all checks hold, else 503 and the names of those that do not."""
    held = {name: check() for name, check in checks.items() if name not in exclude}
    lines = [f"[+]{name} ok" if ok else f"[-]{name} failed" for name, ok in held.items()]
    if all(held.values()):
        return 200, "\n".join([*lines, "ok"]) if verbose else "ok"
    failed = [line for line in lines if line.startswith("[-]")]
    return 503, "\n".join(lines if verbose else failed)
