"""`headrace feed`: publishes market data from one source until it ends or is told to stop."""

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from agents import insecure
from api import feeding, locate, logs, reference
from api.ending import Ended, plainly
from api.feed_report import FeedReport
from api.feeding import Feed, FeedPlan
from api.process import serving
from api.scenarios import Scenario
from streams.exits import Exit
from streams.feeds.publisher import publish
from streams.feeds.retention import RetentionTooShort
from streams.settings import Settings


def feed(
    source: Annotated[Feed, typer.Argument(help="auto: Kraken if it answers, else synthetic.")],
    path: Annotated[Path | None, typer.Option(help="file: parquet or CSV, or a directory.")] = None,
    speed: Annotated[str, typer.Option(help="max, or a factor of recorded speed.")] = "1",
    seed: Annotated[int, typer.Option(help="synthetic: which market.")] = feeding.DEFAULT_SEED,
    symbols: Annotated[str, typer.Option(help="Comma separated; else all of the source.")] = "",
    keep_times: Annotated[
        bool, typer.Option("--keep-times", help="file: leave recorded times as they are.")
    ] = False,
    warmup: Annotated[
        float, typer.Option(min=0.0, help="synthetic: so many seconds of its past come at once.")
    ] = 0.0,
    scenario: Annotated[
        Scenario | None, typer.Option(help="synthetic: what happens in the market.")
    ] = None,
    seconds: Annotated[float | None, typer.Option(min=0.0, help="Stop after these.")] = None,
    rounds: Annotated[
        bool,
        typer.Option(
            "--rounds",
            help="synthetic: one round of event time after the other, as the engine follows.",
        ),
    ] = False,
    summary: Annotated[
        Path | None, typer.Option(help="Write what was published there at the end, as JSON.")
    ] = None,
    brokers: locate.Brokers = None,
    data: locate.Data = None,
) -> None:
    """Publish trades and quotes, each with its source. Reference data that `control` lacks is published first."""
    wanted = feeding.symbol_list(symbols)
    plan = FeedPlan(source, path, speed, seed, wanted, keep_times, warmup, scenario)
    logs.to_stderr()
    settings = locate.settings(brokers, data)
    with plainly():
        if refusal := insecure.refusal(settings):
            raise Ended(Exit.SETTINGS, f"no feed starts so: {refusal}")
        told = asyncio.run((_rounds if rounds else _run)(plan, settings, seconds))
    typer.echo(f"published {told['sent']}")
    if summary is not None:
        summary.write_text(json.dumps(told, indent=2) + "\n")


async def _run(plan: FeedPlan, settings: Settings, seconds: float | None) -> dict[str, Any]:
    source = await feeding.open_source(plan)
    typer.echo(f"feed: {source.status.choice}")
    await reference.publish(settings.brokers, reference.instruments(source.instruments))
    async with serving(settings) as process:
        report = FeedReport(source, process.meter)
        process.show(report.status)
        process.ready_when({})
        if seconds is not None:
            asyncio.get_running_loop().call_later(seconds, process.stop.set)
        try:
            report.sent = await publish(
                source,
                settings.brokers,
                partitions=settings.partitions,
                stop=process.stop,
                on_progress=report,
            )
        except RetentionTooShort as error:
            raise Ended(Exit.REFUSED, str(error)) from error
    return report.status()


async def _rounds(plan: FeedPlan, settings: Settings, seconds: float | None) -> dict[str, Any]:
    from api.rounds import publish_until_idle  # the routes take a second to import

    if plan.feed is not Feed.SYNTHETIC or seconds is None:
        raise Ended(Exit.USAGE, "--rounds needs the source synthetic and --seconds")
    return await publish_until_idle(plan, settings, seconds)
