"""`headrace up` from its lock to its last process: start, show, report, stop."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from api.ending import Ended
from api.process import stop_signals
from api.supervisor.directory import DataDirectory, DirectoryRefused
from api.supervisor.keeper import NeedsPerson
from api.supervisor.plan import UpPlan
from api.supervisor.screen import Screen
from api.supervisor.system import System
from api.view import showing
from streams.exits import Exit
from streams.processes import LocalPartError
from streams.settings import Settings

FAILED = 1


async def run_up(settings: Settings, plan: UpPlan) -> int:
    """Runs the system until it is told to stop or its time is over; the exit code."""
    screen = Screen()
    try:
        with DataDirectory(settings.data, fresh=plan.fresh) as data:
            partitions = data.settle_partitions(plan.partitions, settings.partitions)
            settings = settings.model_copy(
                update={
                    "partitions": partitions,
                    "strategy": plan.strategy,
                    "strategy_params": plan.strategy_params,
                    "promotion": settings.promotion or plan.promotion,
                }
            )
            return await _run(System(data, settings, plan, screen.say), plan, screen)
    except DirectoryRefused as refused:
        raise Ended(Exit.CHECK_FAILED, str(refused)) from refused


async def _run(system: System, plan: UpPlan, screen: Screen) -> int:
    stop = stop_signals()
    code: int = Exit.CLEAN
    try:
        await _unless_stopped(system.start(), stop)
        if not stop.is_set():
            await _unless_stopped(_attend(system, plan, screen, stop), stop)
        if plan.report is not None and not stop.is_set():
            from api.report import write_report  # the routes take a second to import

            code = await _unless_stopped(write_report(system, plan, screen.say), stop) or code
    except (LocalPartError, NeedsPerson, Ended) as error:
        screen.fail(str(error))
        code = FAILED
    finally:
        screen.say("stopping")
        killed = await system.stop()
        screen.say(f"stopped; killed: {', '.join(killed)}" if killed else "stopped")
    return code


async def _attend(system: System, plan: UpPlan, screen: Screen, stop: asyncio.Event) -> None:
    async with showing(system, plan, screen):
        await system.attend(stop)


async def _unless_stopped(work: Coroutine[Any, Any, Any], stop: asyncio.Event) -> Any:
    """The result of this work, or None when `stop` was set first."""
    working, stopping = asyncio.create_task(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        for task in (working, stopping):
            task.cancel()
        await asyncio.gather(working, stopping, return_exceptions=True)
