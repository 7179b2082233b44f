"""`headrace train`: batch versions of a model, from its examples, into the registry; in a process of its own."""

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from aiokafka.errors import KafkaError
from rich.console import Console
from rich.table import Table

from api import instants, locate
from api.ending import Ended, plainly
from streams.exits import Exit
from streams.settings import Settings

if TYPE_CHECKING:
    from api.train.run import Result
    from api.train.tracker import Connection, Trigger
    from models.batch.config import Config

output = Console(highlight=False, soft_wrap=True)
MS_NS = 1_000_000
REFUSED = 1
"""The exit code where a rule refused."""

BAR_COST_BPS = 52.0
"""Two taker fees; bars tell no spread."""

SOURCES = ("history", "topic", "examples")
SHOWN = ("rows", "auc", "logloss", "brier", "accuracy", "kappa_m", "ece")
EARNED = ("trades", "mean_bps", "sharpe", "sortino", "drawdown", "cvar", "periods")


def train(
    model: Annotated[str | None, typer.Argument(help="label.set.group: up1s.micro.all.")] = None,
    file: Annotated[
        Path | None, typer.Argument(help="Examples of a replay, with --source examples.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--from", help="Event time of the rows; else all there is.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", help="Event time, itself not included.")
    ] = None,
    source: Annotated[str, typer.Option(help="history, topic or examples.")] = "history",
    due: Annotated[bool, typer.Option("--due", help="Every model that is due.")] = False,
    origin: Annotated[
        str, typer.Option(help="Of bars: the source of the backfill, kraken or coingecko.")
    ] = "kraken",
    interval: Annotated[str, typer.Option(help="Of bars: 1h, 4h, ...")] = "1h",
    symbols: Annotated[str, typer.Option(help="Of bars: comma separated; else all.")] = "",
    without: Annotated[str, typer.Option(help="Features to leave out, comma separated.")] = "",
    seed: Annotated[int, typer.Option(help="Of every random choice.")] = 7,
    rows_min: Annotated[
        str, typer.Option(help="Fewest rows of train, validation and test.")
    ] = "5000,500,500",
    brokers: locate.Brokers = None,
    data: locate.Data = None,
) -> None:
    """Train LightGBM and a logistic baseline, judge both on later rows, and register them; see docs/training.md.

    Exits 0 when a version may compete, 1 when a rule refused: too few rows, data of bad quality, or every version
    below its thresholds. Nothing overrides a rejection.
    """
    from models.batch.config import NO_END, Config

    with plainly():
        if (model is None) != due:
            raise Ended(Exit.USAGE, "name a model, or say --due")
        if source not in SOURCES or (source == "examples") != (file is not None):
            raise Ended(Exit.USAGE, "--source is history, topic, or examples with a file")
        settings = locate.settings(brokers, data)
        if not settings.postgres_url:
            raise Ended(Exit.SETTINGS, "runs are kept in PostgreSQL: set HEADRACE_POSTGRES_URL")
        is_bars = ".bars." in (model or "")
        config = Config(
            model=model or "",
            since=(instants.milliseconds(since) or 0) * MS_NS,
            until=_until(until, NO_END if is_bars else time.time_ns() // MS_NS * MS_NS),
            source="bars" if is_bars else source,
            origin=origin if is_bars else "",
            interval=interval if is_bars else "",
            symbols=_listed(symbols) if is_bars else (),
            cost_bps=BAR_COST_BPS if is_bars else 0.0,
            seed=seed,
            rows_min=_rows(rows_min),
            left_out=_listed(without),
        )
        code = asyncio.run(_train(settings, config, file, due=due))
    raise typer.Exit(code)


async def _train(settings: Settings, config: "Config", path: Path | None, *, due: bool) -> int:
    """One by hand, or all that are due: one that is refused keeps none of the others from its turn."""
    from api.train import session

    wanted: list[tuple[Config, Trigger]] = [(config, "manual")]
    results = []
    async with await session.connected(settings) as sql:
        if due:
            wanted = await session.wanted(sql, config.source, time.time_ns())
        for each, trigger in wanted:
            results.append(await _one(settings, sql, each, trigger, path))
        try:
            if any(result is not None and result.trained for result in results):
                await session.tell(settings, sql)
        except (KafkaError, LookupError) as error:
            output.print(f"workers are not told yet, the next call will: {error}", style="yellow")
    if not results:
        output.print("no model is due")
    done = [result is not None and result.outcome.state == "succeeded" for result in results]
    return 0 if all(done) else REFUSED


async def _one(
    settings: Settings, sql: "Connection", config: "Config", trigger: "Trigger", path: Path | None
) -> "Result | None":
    """None: another process trains the model."""
    from api.train import session, tracker
    from models.batch import known

    try:
        result = await session.train(settings, sql, config, trigger, path)
    except known.UnknownModel as error:
        raise Ended(Exit.USAGE, str(error)) from error
    except tracker.Busy as error:
        output.print(str(error), style="red", markup=False)
        return None
    _show(result)
    return result


def _show(result: "Result") -> None:
    """What came of a run, and why."""
    outcome = result.outcome
    output.print(f"run {result.run_id}: {outcome.state} {outcome.error}", markup=False)
    if result.docs:
        output.print(f"checks {result.docs}", markup=False)
    if not result.trained:
        return
    split = outcome.split
    output.print(
        f"rows {split['train']} / {split['validation']} / {split['test']}, purged "
        f"{sum(outcome.purged.values())}, test looked at {outcome.test_looks} times"
    )
    table = Table(box=None)
    for head in ("", *(each.version.algorithm for each in result.trained)):
        table.add_column(head, justify="right" if head else "left")
    for name in SHOWN:
        table.add_row(name, *(_text(each.metrics[name]) for each in result.trained))
    for name in EARNED:
        table.add_row(name, *(_text(each.metrics["strategy"][name]) for each in result.trained))
    output.print(table)
    for each in result.trained:
        verdict = "; ".join(each.refusals) or "may compete"
        line = f"{each.version.version} {each.version.algorithm}: {each.version.state}: {verdict}"
        output.print(line, markup=False)


def _text(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:,.5g}" if isinstance(value, float) else str(value)


def _until(text: str | None, otherwise: int) -> int:
    said = instants.milliseconds(text)
    return otherwise if said is None else said * MS_NS


def _listed(text: str) -> tuple[str, ...]:
    return tuple(filter(None, map(str.strip, text.split(","))))


def _rows(text: str) -> tuple[int, int, int]:
    try:
        train_rows, validation, test = map(int, text.split(","))
    except ValueError as error:
        raise Ended(Exit.USAGE, f"--rows-min is three numbers, not {text!r}") from error
    return train_rows, validation, test
