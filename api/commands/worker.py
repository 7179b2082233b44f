"""`headrace worker`: one engine process, in the foreground."""

from typing import Annotated

import typer

from api import locate, logs


def worker(
    only: Annotated[
        str, typer.Option(help="These groups alone; learner-heavy is a worker of its own.")
    ] = "",
    brokers: locate.Brokers = None,
    data: locate.Data = None,
) -> None:
    """Run the engine until it is told to stop. Everything else is set by HEADRACE_* variables."""
    # Faust and River take a second to import, which no other command has to pay.
    from agents.worker import run_worker

    logs.to_stderr()
    settings = locate.settings(brokers, data)
    if only:
        settings = settings.model_copy(update={"only": only})
    raise typer.Exit(run_worker(settings))
