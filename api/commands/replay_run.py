"""Runs what `headrace replay` has settled: shows how far it is, keeps what comes, and tells what it came to."""

import asyncio
import signal
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from agents.scorers import LoadedScorers
from api import instants, replay_rows
from api.ending import Ended
from api.replay import grid, manifest, planning
from api.replay.grid import Trial
from api.replay.kept import KeptOutputs
from api.replay.manifest import Ending, Manifest
from api.replay.results import files, page, summary
from api.replay.whatif import ENDING, Run, Take
from api.replay_topics import replay_topics
from streams.cursor import LogTruncated
from streams.exits import Exit
from streams.topics import BY_NAME

output = Console(highlight=False, soft_wrap=True)
TRIALS_SHOWN = 10
SHOWN = ("profit", "return", "max_drawdown", "sharpe", "fees", "slippage_bps", "trades", "hit_rate")


@dataclass(frozen=True)
class Wishes:
    """What is to become of one run.

    publish: its topics to write anew; keep: those to keep as files; store: rows in the history database.
    """

    speed: float
    report: Path | None
    publish: tuple[str, ...]
    store: bool
    keep: tuple[str, ...] = ()


def judge(trials: Iterator[Trial], count: int, folds: int, directory: Path) -> None:
    """Wait for the trials of a grid, rank and judge them, and show the best."""

    with Progress(console=Console(stderr=True), transient=True) as bar:
        judgement = grid.judged([*bar.track(trials, total=count)], folds)
    directory.mkdir(parents=True, exist_ok=True)
    manifest.put(directory / grid.FILE, judgement)
    for line in grid.shown(judgement, TRIALS_SHOWN):
        output.print(line, markup=False)
    output.print(f"grid: {directory / grid.FILE}")


async def replayed(
    settings: Any,
    directory: Path,
    plan: Manifest | None,
    wanted: dict[str, Any],
    name: str,
    wishes: Wishes,
) -> int:
    """Make the manifest where there is none, go on or repeat, and say what came of it; the exit code."""
    if plan is None:
        plan = await planning.plan(settings, name, **wanted)
        manifest.write(directory, plan)
    before = manifest.get(directory / ENDING, Ending)
    run = Run(plan, directory, settings.postgres_url, LoadedScorers(settings, waits=True))
    resumed = run.resume()
    if resumed:
        output.print("resumed")
    try:
        async with AsyncExitStack() as stack:
            take = await _takes(stack, settings, plan, directory, wishes, resumed=resumed)
            done = await _shown(run, plan, wishes.speed, take)
    except LogTruncated as error:
        raise Ended(Exit.REFUSED, str(error)) from error
    if not done:
        output.print(f"stopped at {instants.text(run.clock_ms)}; the same command resumes it")
        return 0
    code, result = _results(run, plan, before, wishes.report or directory)
    if wishes.store:
        await replay_rows.store(settings.postgres_url, run, result)
        output.print(f"stored: runs, run_tracker, run_equity, run_trades, run_fills of {plan.run}")
    return code


async def _takes(
    stack: AsyncExitStack,
    settings: Any,
    plan: Manifest,
    directory: Path,
    wishes: Wishes,
    *,
    resumed: bool,
) -> Take | None:
    """Who is given the outputs as they come: topics of the run's own, and files."""
    takes: list[Take] = []
    if wishes.publish:
        topics = replay_topics(
            settings.brokers, plan.run, wishes.publish, plan.partitions, resumed=resumed
        )
        takes.append((await stack.enter_async_context(topics)).take)
    if wishes.keep:
        takes.append(stack.enter_context(KeptOutputs(directory, wishes.keep, resumed=resumed)).take)
    if not takes:
        return None

    async def take(outputs: Any) -> None:
        for each in takes:
            await each(outputs)

    return take


def kept_topics(text: str) -> tuple[str, ...]:
    """Topics of the catalogue, comma separated."""
    wanted = tuple(filter(None, map(str.strip, text.split(","))))
    unknown = sorted(set(wanted) - BY_NAME.keys())
    if unknown:
        raise Ended(Exit.USAGE, f"--keep: no topic {', '.join(unknown)}")
    return wanted


async def _shown(run: Run, plan: Manifest, speed: float, take: Take | None) -> bool:
    """Go, with a bar: records a second, event time, time left."""
    stopped, began = asyncio.Event(), time.monotonic()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    total = sum(each.end - each.start for each in plan.ranges) or None
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)

        def tell(run: Run) -> None:
            rate = run.sources / max(time.monotonic() - began, 1e-9)
            at = instants.text(run.clock_ms)
            bar.update(task, completed=run.sources, description=f"{rate:,.0f} records/s  {at}")

        done = await run.go(stopped.is_set, tell, speed, take)
    seconds = time.monotonic() - began
    output.print(f"{run.sources} records in {seconds:.1f} s, {run.sources / seconds:,.0f} a second")
    return done


def _results(
    run: Run, plan: Manifest, before: Ending | None, directory: Path
) -> tuple[int, dict[str, Any]]:
    figures = summary.summarise(run.collected)
    sha256 = run.hashes.by_partition()
    result = {"run": plan.run, **figures, "sha256": sha256}
    files.write(directory, result, run.collected)
    output.print(f"results: {directory / files.RESULTS}")
    try:
        output.print(f"report: {page.write(directory, plan.run, figures, run.collected)}")
    except ImportError:
        output.print("no report.html without matplotlib: pip install headrace[report]")
    for name in SHOWN:
        value = figures["total"][name]
        shown = (
            "-" if value is None else f"{value:,.6g}" if isinstance(value, float) else str(value)
        )
        output.print(f"{name:14} {shown}")
    if before is None:
        return 0, result
    if before.sha256 == sha256:
        output.print("equal to the run before: the same hashes")
        return 0, result
    for place in sorted(before.sha256.keys() | sha256.keys()):
        if before.sha256.get(place) != sha256.get(place):
            output.print(f"differs from the run before: {place}", style="red")
    return 1, result
