"""`headrace replay`: recorded data through the routes over dicts, with another strategy, other limits or costs."""

import asyncio
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from api import instants, locate
from api.ending import Ended, plainly
from streams.exits import Exit

if TYPE_CHECKING:
    from api.replay.manifest import Ending, Manifest
    from api.replay.whatif import Run

output = Console(highlight=False, soft_wrap=True)
TRIALS_SHOWN = 10
SHOWN = ("profit", "return", "max_drawdown", "sharpe", "fees", "slippage_bps", "trades", "hit_rate")


def replay(
    run: Annotated[str, typer.Option(help="Its name: the same name repeats or resumes it.")],
    since: Annotated[
        str | None, typer.Option("--from", help="Event time; else all there is.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", help="Event time, itself not included.")
    ] = None,
    topics: Annotated[
        str, typer.Option(help="To read, comma separated; else what is needed.")
    ] = "",
    symbols: Annotated[str, typer.Option(help="Comma separated; else all.")] = "",
    path: Annotated[
        Path | None, typer.Option(help="Market data from parquet or CSV in place of topics.")
    ] = None,
    speed: Annotated[
        str, typer.Option(help="max, or a factor of recorded speed: 1x, 20x.")
    ] = "max",
    strategy: Annotated[
        str, typer.Option(help="none: the recorded orders; else a name, or package.module:Class.")
    ] = "none",
    param: Annotated[
        list[str] | None, typer.Option(help="A parameter of the strategy: --param notional=500.")
    ] = None,
    account: Annotated[str | None, typer.Option(help="That the strategy trades.")] = None,
    limits: Annotated[
        Path | None, typer.Option(help="JSON or TOML: fields of limits to replace.")
    ] = None,
    costs: Annotated[
        Path | None, typer.Option(help="JSON or TOML: maker_rate, taker_rate, latency_low_ms, ...")
    ] = None,
    grid: Annotated[
        Path | None, typer.Option(help="JSON or TOML: a list of values for each parameter to try.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Runs of a grid side by side.")] = 1,
    folds: Annotated[int, typer.Option(min=1, help="Steps of a grid's walk forward.")] = 4,
    report: Annotated[
        Path | None, typer.Option(help="Results go there, else beside the run.")
    ] = None,
    brokers: locate.Brokers = None,
    data: locate.Data = None,
) -> None:
    """Replay recorded data in event time and say what came of it. Live topics, groups and tables are never touched.

    Ctrl-C stops a run so that the same command resumes it. A finished run that is named again is repeated from its
    manifest, and must give the same hashes: else it exits 1. With --grid every combination is run, ranked and judged.
    """
    from api.replay import grid as grids  # the routes take a second to import
    from api.replay import manifest, overrides, planning
    from streams.feeds.pacing import MAX_SPEED, parse_speed

    with plainly():
        settings = locate.settings(brokers, data)
        directory = planning.directory(settings, run)
        known = manifest.read(directory)
        wanted: dict[str, Any] = dict(
            since_ms=instants.milliseconds(since),
            until_ms=instants.milliseconds(until),
            names=topics,
            symbols=symbols,
            path=path,
            strategy=strategy,
            params=planning.params(param or []),
            account=account or settings.strategy_account,
            limits=overrides.load(limits),
            costs=overrides.load(costs),
        )
        try:
            factor = parse_speed(speed)
        except ValueError as error:
            raise Ended(Exit.USAGE, str(error)) from error
        pace = 0.0 if factor == MAX_SPEED else factor
        if grid is not None:
            combinations = grids.load(grid)
            plan = known or asyncio.run(planning.plan(settings, run, **wanted))
            for combination in combinations:
                planning.check(plan.strategy, plan.params | combination)
            manifest.write(directory, plan)
            _sweep(plan, combinations, jobs, folds, report or directory)
            raise typer.Exit
        code = asyncio.run(_replay(settings, directory, known, wanted, run, pace, report))
    raise typer.Exit(code)


def _sweep(
    plan: "Manifest", combinations: list[dict[str, str]], jobs: int, folds: int, directory: Path
) -> None:
    from api.replay import grid, manifest

    with Progress(console=Console(stderr=True), transient=True) as bar:
        running = bar.track(grid.sweep(plan, combinations, jobs), total=len(combinations))
        judgement = grid.judged([*running], folds)
    directory.mkdir(parents=True, exist_ok=True)
    manifest.put(directory / grid.FILE, judgement)
    for line in grid.shown(judgement, TRIALS_SHOWN):
        output.print(line, markup=False)
    output.print(f"grid: {directory / grid.FILE}")


async def _replay(
    settings: Any,
    directory: Path,
    plan: "Manifest | None",
    wanted: dict[str, Any],
    name: str,
    speed: float,
    report: Path | None,
) -> int:
    from api.replay import manifest, planning
    from api.replay.manifest import Ending
    from api.replay.whatif import ENDING, Run
    from streams.cursor import LogTruncated

    if plan is None:
        plan = await planning.plan(settings, name, **wanted)
        manifest.write(directory, plan)
    before = manifest.get(directory / ENDING, Ending)
    run = Run(plan, directory)
    if run.resume():
        output.print("resumed")
    try:
        done = await _shown(run, plan, speed)
    except LogTruncated as error:
        raise Ended(Exit.REFUSED, str(error)) from error
    if not done:
        output.print(f"stopped at {instants.text(run.clock_ms)}; the same command resumes it")
        return 0
    return _results(run, plan, before, report or directory)


async def _shown(run: "Run", plan: "Manifest", speed: float) -> bool:
    """Go, with a bar: records a second, event time, time left."""
    stopped, began = asyncio.Event(), time.monotonic()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    total = sum(each.end - each.start for each in plan.ranges) or None
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)

        def tell(run: "Run") -> None:
            rate = run.sources / max(time.monotonic() - began, 1e-9)
            at = instants.text(run.clock_ms)
            bar.update(task, completed=run.sources, description=f"{rate:,.0f} records/s  {at}")

        done = await run.go(stopped.is_set, tell, speed)
    seconds = time.monotonic() - began
    output.print(f"{run.sources} records in {seconds:.1f} s, {run.sources / seconds:,.0f} a second")
    return done


def _results(run: "Run", plan: "Manifest", before: "Ending | None", directory: Path) -> int:
    from api.replay.results import files, page, summary

    figures = summary.summarise(run.collected)
    sha256 = run.hashes.by_partition()
    files.write(directory, {"run": plan.run, **figures, "sha256": sha256}, run.collected)
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
        return 0
    if before.sha256 == sha256:
        output.print("equal to the run before: the same hashes")
        return 0
    for place in sorted(before.sha256.keys() | sha256.keys()):
        if before.sha256.get(place) != sha256.get(place):
            output.print(f"differs from the run before: {place}", style="red")
    return 1
