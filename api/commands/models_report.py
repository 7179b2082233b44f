"""`headrace models report`: what a model's versions answered, once it was known what came of it."""

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from api import instants, locate
from api.ending import Ended, plainly
from streams.exits import Exit
from streams.settings import Settings
from streams.topics import EXAMPLES, PREDICTIONS

if TYPE_CHECKING:
    from api.train.sources import Range
    from streams.predictions import Example, Prediction

output = Console(highlight=False, soft_wrap=True)
MS_NS = 1_000_000
SHOWN = ("n", "auc", "logloss", "accuracy", "kappa_t", "kappa_m", "ece")


def report(
    model: Annotated[str, typer.Argument(help="label.set.group: up1s.micro.all.")],
    since: Annotated[
        str | None, typer.Option("--from", help="Event time of the vectors; else all there is.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", help="Event time, itself not included.")
    ] = None,
    source: Annotated[str, typer.Option(help="history or topic.")] = "topic",
    run: Annotated[
        Path | None,
        typer.Option(help="Of a replay: the directory where --keep has put its outputs."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Directory of the report.")] = Path("."),
    brokers: locate.Brokers = None,
    data: locate.Data = None,
) -> None:
    """Score what was answered, at the delay with which labels came: a page with plots, and all figures as JSON."""
    from api.evaluation import make
    from api.train.sources import Range
    from models.batch import known

    with plainly():
        settings = locate.settings(brokers, data)
        wanted = Range(
            model,
            (instants.milliseconds(since) or 0) * MS_NS,
            (instants.milliseconds(until) or time.time_ns() // MS_NS) * MS_NS,
        )
        try:
            spec = known.spec_of(model)
        except known.UnknownModel as error:
            raise Ended(Exit.USAGE, str(error)) from error
        examples, predictions = asyncio.run(_read(settings, source, run, wanted))
        if not examples:
            raise Ended(Exit.REFUSED, f"no examples of {model} in that range")
        read = {
            "examples": len(examples),
            "predictions": len(predictions),
            "from": str(run or source),
        }
        found, curves = make.make(examples, predictions, spec, read)
    _show(found)
    for path in make.write(out, found, curves):
        output.print(f"report: {path}")


async def _read(
    settings: Settings, source: str, run: Path | None, wanted: "Range"
) -> "tuple[list[Example], list[Prediction]]":
    from api.train import sources

    if run is not None:
        examples = sources.file(run / f"{EXAMPLES.name}.jsonl", EXAMPLES, wanted)
        predictions = sources.file(run / f"{PREDICTIONS.name}.jsonl", PREDICTIONS, wanted)
    elif source == "history":
        if not settings.postgres_url:
            raise Ended(Exit.SETTINGS, "no history: set HEADRACE_POSTGRES_URL")
        examples = sources.history(settings.postgres_url, wanted)
        predictions = sources.predictions(settings.postgres_url, wanted)
    elif source == "topic":
        examples = sources.topic(settings.brokers, EXAMPLES, wanted)
        predictions = sources.topic(settings.brokers, PREDICTIONS, wanted)
    else:
        raise Ended(Exit.USAGE, f"--source is history or topic, not {source}")
    return await sources.collected(examples), await sources.collected(predictions)


def _show(found: dict[str, Any]) -> None:
    """The table over all symbols, with what acting on each answer would have earned."""
    table = Table(box=None)
    for head in ("", *SHOWN, "AUC, 95 %", "gross bps", "net bps"):
        table.add_column(head, justify="right" if head else "left")
    for name, of in found["pooled"].items():
        earned = found["earnings"][name]["always"]
        interval = of["auc_interval"]
        table.add_row(
            name,
            *(_text(of[measure]) for measure in SHOWN),
            f"{interval[0]:.3f} to {interval[1]:.3f}" if interval else "-",
            _text(earned["gross_mean_bps"]),
            _text(earned["net_mean_bps"]),
        )
    output.print(table)


def _text(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:,.4g}" if isinstance(value, float) else str(value)
