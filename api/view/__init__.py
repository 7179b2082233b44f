"""The live view of `headrace up`: what the parts say of themselves, drawn once a second."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from rich.live import Live

from api.supervisor.plan import UpPlan
from api.supervisor.screen import Screen
from api.supervisor.system import System
from api.view import render
from api.view.figures import Figures
from api.view.poll import Poller
from api.view.read import figures

DRAW_S = 0.5
LINE_S = 5.0


@asynccontextmanager
async def showing(system: System, plan: UpPlan, screen: Screen) -> AsyncIterator[None]:
    """Shows the system while the context lasts: a live screen on a terminal, else a line every five seconds."""
    assert system.run is not None, "a view is of a system that runs"
    run, poller = system.run, Poller(system.run, system.settings)

    def look() -> Figures:
        return figures(poller, run, system.instruments)

    show = _draw if plan.view and screen.console.is_terminal else _write
    tasks = [asyncio.create_task(poller.poll_for_ever()), asyncio.create_task(show(look, screen))]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task


Look = Callable[[], Figures]
Show = Callable[[Look, Screen], Awaitable[None]]


async def _draw(look: Look, screen: Screen) -> None:
    # On the alternate screen nothing that scrolls by can tear the picture; it is gone when the run ends.
    with Live(console=screen.console, screen=True, auto_refresh=False) as live:
        while True:
            live.update(render.screen(look(), tuple(screen.lines)), refresh=True)
            await asyncio.sleep(DRAW_S)


async def _write(look: Look, screen: Screen) -> None:
    while True:
        await asyncio.sleep(LINE_S)
        screen.say(render.line(look()))
