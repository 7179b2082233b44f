"""Keeps one part running: starts it again with back-off when it ends unasked, until a person has to act."""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from api.supervisor.restarts import Restarts
from api.supervisor.threads import in_thread
from streams.exits import Exit
from streams.processes import LocalPartError, describe_exit

POLL_S = 0.1
FAILED_START = 1


class Part(Protocol):
    """A process below `up`, embedded server or service."""

    @property
    def name(self) -> str:
        """What people call it."""

    def start(self) -> None:
        """Returns once it works; raises LocalPartError."""

    def poll(self) -> int | None:
        """Its exit code once it has ended."""

    def stop(self, deadline_s: float) -> bool:
        """Ends it; whether it ended when asked."""


class NeedsPerson(Exception):
    """A part ended in a way that a restart does not mend."""

    def __init__(self, part: str, code: int, log_tail: str) -> None:
        self.part = part
        self.code = code
        lines = "".join(f"\n  | {line}" for line in log_tail.splitlines())
        meaning = f" ({Exit(code).name})" if code in set(Exit) else ""
        super().__init__(f"{part} ended, {describe_exit(code)}{meaning}; it needs a person{lines}")


async def keep(part: Part, say: Callable[[str], None]) -> None:
    """Watches a started part; returns when it has ended and may. Raises NeedsPerson."""
    restarts = Restarts()
    while True:
        started = time.monotonic()
        while (code := part.poll()) is None:  # noqa: ASYNC110  a process sets no event
            await asyncio.sleep(POLL_S)
        if code == Exit.CLEAN and getattr(part, "may_end", False):
            return
        if getattr(part, "once", False):
            raise _gone(part, code)
        await _again(part, code, time.monotonic() - started, restarts, say)


async def start_and_keep(part: Part, say: Callable[[str], None]) -> None:
    """For a part that nothing waits for; one that does not start is started again as any other. Raises NeedsPerson."""
    try:
        await in_thread(part.start, part.name)
    except LocalPartError as error:
        say(str(error))
    await keep(part, say)


def _gone(part: Part, code: int) -> NeedsPerson:
    tail: Callable[[], str] = getattr(part, "log_tail", lambda: "")
    return NeedsPerson(part.name, code, tail())


async def _again(
    part: Part, code: int, ran_s: float, restarts: Restarts, say: Callable[[str], None]
) -> None:
    while True:
        delay = restarts.delay(code, ran_s)
        if delay is None:
            raise _gone(part, code)
        say(f"{part.name} ended, {describe_exit(code)}; it starts again in {delay:g} s")
        await asyncio.sleep(delay)
        try:
            await in_thread(part.start, part.name)
        except LocalPartError as error:
            say(str(error))
            code, ran_s = part.poll() or FAILED_START, 0.0
        else:
            say(f"{part.name} runs again")
            return
