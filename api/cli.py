"""The command `headrace`: the way in for people. Each command is a file of `api/commands/`."""

import sys
from importlib.metadata import version
from typing import Annotated

import typer
from pydantic import ValidationError

from api.commands.capture import capture
from api.commands.demo import demo
from api.commands.diff import diff
from api.commands.dlq import dlq
from api.commands.doctor import doctor
from api.commands.feed import feed
from api.commands.kill import kill
from api.commands.limits import limits
from api.commands.order import order
from api.commands.replay import replay
from api.commands.serve import serve
from api.commands.sink import sink
from api.commands.topics import topics
from api.commands.up import up
from api.commands.verify import verify
from api.commands.worker import worker
from api.ending import errors, invalid
from streams.exits import Exit

CLICK_USAGE = 2
"""What the command-line library exits with for a wrong option; we say 64, as sysexits does."""

app = typer.Typer(
    name="headrace",
    help="A stream-processing trading engine on Kafka.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (up, order, kill, feed, worker, sink, doctor, verify, replay, diff, capture):
    app.command()(command)
app.command(name="api")(serve)
app.add_typer(topics, name="topics")
app.add_typer(dlq, name="dlq")
app.add_typer(limits, name="limits")
app.add_typer(demo, name="demo")


@app.callback(invoke_without_command=True)
def headrace(
    show_version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False,
) -> None:
    """A stream-processing trading engine on Kafka."""
    if show_version:
        typer.echo(version("headrace"))
        raise typer.Exit


def main() -> None:
    """Run the command line and exit with its code."""
    try:
        app()
    except SystemExit as ended:
        sys.exit(Exit.USAGE if ended.code == CLICK_USAGE else ended.code)
    except ValidationError as error:
        errors.print(f"settings: {invalid(error)}", style="red", markup=False)
        sys.exit(Exit.SETTINGS)


if __name__ == "__main__":
    main()
