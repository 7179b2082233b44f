"""How far a run has come: a bar on a terminal, elsewhere a line each ten seconds; both on the error output."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress

LINE_S = 10.0


class Progress:
    """Counts chunks, rows and retries from `with` on, and shows them."""

    def __init__(
        self,
        name: str,
        chunks: int,
        loaded: int,
        *,
        console: Console,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.rows = 0
        self.retries: Counter[str] = Counter()
        self._name = name
        self._chunks = chunks
        self._done = loaded
        self._console = console
        self._clock = clock
        self._began = clock()
        self._bar = _bar(console)
        self._task = self._bar.add_task(name, total=chunks, completed=loaded, told="")
        self._ticking: asyncio.Task[None] | None = None

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._bar.start()
        self._ticking = asyncio.create_task(self._tick())
        return self

    def __exit__(self, *_: object) -> None:
        if self._ticking is not None:
            self._ticking.cancel()
        if self._console.is_terminal:
            self._bar.stop()

    def retry(self, reason: str) -> None:
        """A request is made again."""
        self.retries[reason] += 1
        self._update()

    def done(self) -> None:
        """A chunk has come to its end."""
        self._done += 1
        self._update()

    def say(self, line: str) -> None:
        """What a person should know now."""
        self._console.print(line, style="yellow", markup=False)

    def line(self) -> str:
        """All of it in words."""
        return f"{self._name}: chunk {self._done} of {self._chunks}, {self._told()}"

    def _told(self) -> str:
        seconds = max(self._clock() - self._began, 1e-9)
        return f"{self.rows / seconds:.0f} rows/s, {self.retries.total()} retries"

    def _update(self) -> None:
        self._bar.update(self._task, completed=self._done, told=self._told())

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(LINE_S)
            if not self._console.is_terminal:
                self._console.print(self.line(), markup=False)


def _bar(console: Console) -> RichProgress:
    return RichProgress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[told]}"),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
        auto_refresh=console.is_terminal,
    )
