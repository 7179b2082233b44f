"""`headrace capture`: exports a range of topics to parquet files, which `headrace feed file` plays back."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from api import instants, locate
from api.ending import Ended, plainly
from api.feeding import symbol_list
from streams.exits import Exit
from streams.topics import BY_NAME


def capture(
    into: Annotated[
        Path, typer.Argument(help="A directory; files of the same names are replaced.")
    ],
    since: Annotated[
        str | None, typer.Option("--from", help="Event time; else all there is.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", help="Event time, itself not included.")
    ] = None,
    topics: Annotated[str, typer.Option(help="Comma separated.")] = "market.quotes,market.trades",
    brokers: locate.Brokers = None,
    data: locate.Data = None,
) -> None:
    """Write committed records to files: quotes and trades with prices, for a feed or a replay; others as they are."""
    with plainly():
        settings = locate.settings(brokers, data)
        names = symbol_list(topics)
        unknown = sorted(set(names) - BY_NAME.keys())
        if unknown or not names:
            raise Ended(Exit.USAGE, f"no topic {', '.join(unknown) or 'given'}")
        try:
            from api.replay.capture import capture as export
        except ImportError as error:
            raise Ended(Exit.CHECK_FAILED, f"{error}: pip install headrace[report]") from error
        since_ms, until_ms = instants.milliseconds(since), instants.milliseconds(until)
        told = asyncio.run(export(settings.brokers, names, since_ms, until_ms, into))
    for name, records in told.items():
        typer.echo(f"{name}: {records}")
