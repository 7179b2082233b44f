"""`headrace replay`: recorded data through the routes over dicts, with another strategy, other limits or costs."""

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from api import instants, locate
from api.ending import Ended, plainly
from streams.exits import Exit


class Records(StrEnum):
    """Where recorded data is read."""

    TOPICS = "topics"
    HISTORY = "history"


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
    if serve:
        from api import replay_queue

        with plainly():
            replay_queue.run(locate.settings(brokers, data))
        return
    if not run:
        raise typer.BadParameter("it needs a name", param_hint="--run")
    with plainly():
        try:  # the routes take a second to import
            from api.commands.replay_run import Wishes, judge, kept_topics, replayed
        except ImportError as error:
            raise Ended(Exit.CHECK_FAILED, f"{error}: pip install headrace[report]") from error
        from agents.scorers import LoadedScorers
        from api import replay_topics
        from api.replay import grid as grids
        from api.replay import manifest, overrides, planning
        from streams.feeds.pacing import MAX_SPEED, parse_speed

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
            judge(trials, len(combinations), folds, report or directory)
            raise typer.Exit
        wishes = Wishes(pace, report, replay_topics.names(publish), store, kept_topics(keep))
        code = asyncio.run(replayed(settings, directory, known, wanted, run, wishes))
    raise typer.Exit(code)
