"""`headrace sink`: writes the topics to the history and the latest state, in the foreground."""

import asyncio

import typer

from agents import sink as process
from api import locate, logs
from api.ending import plainly


def sink(brokers: locate.Brokers = None, data: locate.Data = None) -> None:
    """Run the sink until it is told to stop; it finishes the transaction it is in."""
    logs.to_stderr()
    with plainly():
        code = asyncio.run(process.run(locate.settings(brokers, data)))
    raise typer.Exit(code)
