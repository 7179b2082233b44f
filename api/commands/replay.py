"""`headrace replay`: recorded data through the routes over dicts, with another strategy, other limits or costs."""

import asyncio
import signal
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from api import instants, locate
from api.ending import Ended, plainly
from streams.exits import Exit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from api.replay.grid import Trial
    from api.replay.manifest import Ending, Manifest
    from api.replay.whatif import Run, Take

output = Console(highlight=False, soft_wrap=True)
TRIALS_SHOWN = 10
SHOWN = ("profit", "return", "max_drawdown", "sharpe", "fees", "slippage_bps", "trades", "hit_rate")


class Records(StrEnum):
    """Where recorded data is read."""

    TOPICS = "topics"
    HISTORY = "history"


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


def replay(
    run: Annotated[str, typer.Option(help="Its name: the same name repeats or resumes it.")] = "",
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
    source: Annotated[
        Records, typer.Option(help="history: the database, for what topics no longer hold.")
    ] = Records.TOPICS,
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
    model: Annotated[
        list[str] | None,
        typer.Option(help="MODEL=VERSION to serve throughout; else what served then, of topics."),
    ] = None,
    grid: Annotated[
        Path | None, typer.Option(help="YAML, TOML or JSON: values to try of each parameter.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Runs of a grid side by side.")] = 1,
    folds: Annotated[int, typer.Option(min=1, help="Steps of a grid's walk forward.")] = 4,
    report: Annotated[
        Path | None, typer.Option(help="Results go there, else beside the run.")
    ] = None,
    keep: Annotated[
        str, typer.Option(help="Outputs to keep as files beside the run: examples,predictions.")
    ] = "",
    publish: Annotated[
        str,
        typer.Option(help="Write these outputs to topics replay.<run>.*, comma separated, or all."),
    ] = "",
    store: Annotated[
        bool,
        typer.Option(
            "--store", help="Write results to the history database, under the run's name."
        ),
    ] = False,
    serve: Annotated[
        bool, typer.Option("--serve", help="Run what POST /v1/replays queued, until told to stop.")
    ] = False,
    brokers: locate.Brokers = None,
    data: locate.Data = None,
) -> None:
    """Replay recorded data in event time and say what came of it. Live topics, groups and tables are never touched.

    Outputs go to topics of the run's own only with --publish, results to the database only with --store.

    Ctrl-C stops a run so that the same command resumes it. A finished run that is named again is repeated from its
    manifest, and must give the same hashes: else it exits 1. With --grid every combination is run, ranked and judged.
    """
    from agents.scorers import LoadedScorers

    if serve:
        from api import replay_queue

        with plainly():
            replay_queue.run(locate.settings(brokers, data))
        return
    if not run:
        raise typer.BadParameter("it needs a name", param_hint="--run")
    from api import replay_topics  # the routes take a second to import
    from api.replay import grid as grids
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
            history=source is Records.HISTORY,
            strategy=strategy,
            params=planning.params(param or []),
            account=account or settings.strategy_account,
            limits=overrides.load(limits),
            costs=overrides.load(costs),
            models=model or (),
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
            scorers = LoadedScorers(settings, waits=True)
            trials = grids.sweep(plan, combinations, jobs, settings.postgres_url, scorers)
            _judge(trials, len(combinations), folds, report or directory)
            raise typer.Exit
        wishes = Wishes(pace, report, replay_topics.names(publish), store, _names(keep))
        code = asyncio.run(_replay(settings, directory, known, wanted, run, wishes))
    raise typer.Exit(code)


def _judge(trials: "Iterator[Trial]", count: int, folds: int, directory: Path) -> None:
    from api.replay import grid, manifest

    with Progress(console=Console(stderr=True), transient=True) as bar:
        judgement = grid.judged([*bar.track(trials, total=count)], folds)
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
    wishes: Wishes,
) -> int:
    from agents.scorers import LoadedScorers
    from api import replay_rows
    from api.replay import manifest, planning
    from api.replay.manifest import Ending
    from api.replay.whatif import ENDING, Run
    from streams.cursor import LogTruncated

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
    plan: "Manifest",
    directory: Path,
    wishes: Wishes,
    *,
    resumed: bool,
) -> "Take | None":
    """Who is given the outputs as they come: topics of the run's own, and files."""
    from api.replay.kept import KeptOutputs
    from api.replay_topics import replay_topics

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


def _names(text: str) -> tuple[str, ...]:
    """Topics of the catalogue, comma separated."""
    from streams.topics import BY_NAME

    wanted = tuple(filter(None, map(str.strip, text.split(","))))
    unknown = sorted(set(wanted) - BY_NAME.keys())
    if unknown:
        raise Ended(Exit.USAGE, f"--keep: no topic {', '.join(unknown)}")
    return wanted


async def _shown(run: "Run", plan: "Manifest", speed: float, take: "Take | None") -> bool:
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

        done = await run.go(stopped.is_set, tell, speed, take)
    seconds = time.monotonic() - began
    output.print(f"{run.sources} records in {seconds:.1f} s, {run.sources / seconds:,.0f} a second")
    return done


def _results(
    run: "Run", plan: "Manifest", before: "Ending | None", directory: Path
) -> tuple[int, dict[str, Any]]:
    from api.replay.results import files, page, summary

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
