"""Where `up` speaks: lines with the time since its start, beside or below the live view."""

import time
from collections import deque

from rich.console import Console

LINES_KEPT = 2


class Screen:
    """say: one line for a person; the last ones are kept for the view."""

    def __init__(self) -> None:
        self.console = Console(highlight=False, soft_wrap=True)
        self.lines: deque[str] = deque(maxlen=LINES_KEPT)
        self._started = time.monotonic()

    def say(self, line: str) -> None:
        stamped = f"[{time.monotonic() - self._started:6.1f} s] {line}"
        self.lines.append(stamped)
        self.console.print(stamped, markup=False)

    def fail(self, line: str) -> None:
        """Say why it cannot go on."""
        self.console.print(line, style="bold red", markup=False)
