"""`headrace worker`: one engine process, in the foreground."""

import typer

from api import locate, logs


def worker(brokers: locate.Brokers = None, data: locate.Data = None) -> None:
    """Run the engine until it is told to stop. Everything else is set by HEADRACE_* variables."""
    # Faust and River take a second to import, which no other command has to pay.
    from agents.worker import run_worker

    logs.to_stderr()
    raise typer.Exit(run_worker(locate.settings(brokers, data)))
