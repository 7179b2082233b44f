"""`headrace up`: everything, on embedded parts, in one terminal."""

import asyncio
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from agents.strategies.load import StrategyRefused, load, parse
from api import feeding
from api.ending import Ended, plainly
from api.feeding import Feed, FeedPlan
from api.scenarios import SCRIPTS, Scenario
from api.supervisor.foreground import run_up
from api.supervisor.plan import UpPlan
from streams.exits import Exit
from streams.settings import Settings

SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}


def up(
    fresh: Annotated[bool, typer.Option("--fresh", help="Empty the data directory first.")] = False,
    feed: Annotated[Feed, typer.Option(help="auto: Kraken if it answers.")] = Feed.AUTO,
    path: Annotated[Path | None, typer.Option(help="file: parquet or CSV, or a directory.")] = None,
    speed: Annotated[str, typer.Option(help="max, or a factor of recorded speed.")] = "1",
    seed: Annotated[
        int | None, typer.Option(help="synthetic: which market; with --for it repeats exactly.")
    ] = None,
    symbols: Annotated[str, typer.Option(help="Comma separated; else all of the source.")] = "",
    scenario: Annotated[
        Scenario | None,
        typer.Option(help="synthetic: what happens in the market; faster, and in no lockstep."),
    ] = None,
    duration: Annotated[
        str | None,
        typer.Option("--for", help="End after this: 60s, 5m. Of event time with --seed."),
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Write what happened there, as JSON.")] = None,
    strategy: Annotated[
        str, typer.Option(help="Who trades: none, signal, reversion, or your package.module:Class.")
    ] = "signal",
    param: Annotated[
        list[str] | None, typer.Option(help="A parameter of the strategy: --param notional=500.")
    ] = None,
    partitions: Annotated[int | None, typer.Option(min=1, help="Fixed by the first start.")] = None,
    data: Annotated[Path | None, typer.Option(help="Data directory (.headrace).")] = None,
    controls: Annotated[
        bool, typer.Option("--controls", help="Let the live page turn the kill switch.")
    ] = False,
    features: Annotated[
        bool, typer.Option("--features", help="Fill the feature store too; needs its extra.")
    ] = False,
    heavy: Annotated[
        bool, typer.Option("--heavy", help="Let the slow versions learn too, in a process.")
    ] = False,
    no_view: Annotated[bool, typer.Option("--no-view", help="Lines in place of the view.")] = False,
) -> None:
    """Start Kafka, PostgreSQL, Valkey, the engine and a market feed, and show what they do. Ctrl-C stops them all.

    Exits 0 after a clean stop and, with --report, when everything adds up; 1 otherwise; 71 when it runs here already.
    """
    with plainly():
        plan = UpPlan(
            feed=FeedPlan(
                feed=feed,
                path=path,
                speed=SCRIPTS[scenario].speed if scenario and speed == "1" else speed,
                seed=feeding.DEFAULT_SEED if seed is None else seed,
                symbols=feeding.symbol_list(
                    SCRIPTS[scenario].symbols if scenario and not symbols else symbols
                ),
                scenario=scenario,
            ),
            strategy=strategy,
            strategy_params=_params(strategy, param or []),
            partitions=partitions,
            seconds=None if duration is None else seconds_of(duration),
            report=report,
            lockstep=feed is Feed.SYNTHETIC and None not in (seed, duration) and not scenario,
            fresh=fresh,
            view=not no_view,
            controls=controls,
            features=features,
            heavy=heavy,
        )
        if report is not None and duration is None:
            raise Ended(Exit.USAGE, "--report needs --for: it is written at the end")
        if scenario is not None and feed is not Feed.SYNTHETIC:
            raise Ended(Exit.USAGE, "--scenario needs --feed synthetic")
        if features and find_spec("feast") is None:
            raise Ended(Exit.SETTINGS, "--features needs Feast: pip install 'headrace[features]'")
        settings = Settings()
        if data is not None:
            settings = settings.model_copy(update={"data": data})
        code = asyncio.run(run_up(settings, plan))
    raise typer.Exit(code)


def _params(strategy: str, words: list[str]) -> str:
    """The parameters as the worker reads them, once the strategy could be made of them here."""
    text = ",".join(words)
    try:
        load(strategy, parse(text))
    except StrategyRefused as refused:
        raise Ended(Exit.USAGE, str(refused)) from refused
    return text


def seconds_of(text: str) -> float:
    """`60`, `60s`, `5m`, `1.5h` in seconds."""
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([smh]?)", text)
    if match is None or float(match[1]) <= 0:
        raise Ended(Exit.USAGE, f"{text!r} is no duration such as 60s or 5m")
    return float(match[1]) * SECONDS[match[2]]
