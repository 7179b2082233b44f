"""The command `headrace`: the way in for people. Each command is a file of `api/commands/`."""

import sys
from collections.abc import Iterable
from importlib import import_module
from importlib.metadata import version
from typing import Annotated

import typer
from pydantic import ValidationError

from api.ending import errors, invalid
from streams.exits import Exit

CLICK_USAGE = 2
"""What the command-line library exits with for a wrong option; we say 64, as sysexits does."""

COMMANDS = (
    "up order kill feed worker sink api doctor verify replay diff capture topics dlq limits train promote models "
    "backfill registry audit roles drill demo"
).split()
"""Each is a file of `api/commands/` with a function or a group of that name."""


def headrace(
    show_version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False,
) -> None:
    """A stream-processing trading engine on Kafka."""
    if show_version:
        typer.echo(version("headrace"))
        raise typer.Exit


def build(names: Iterable[str]) -> typer.Typer:
    """The command line with these commands: a worker that starts again need not import what the others do."""
    line = typer.Typer(
        name="headrace",
        help="A stream-processing trading engine on Kafka.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    line.callback(invoke_without_command=True)(headrace)
    for name in names:
        module = "serve" if name == "api" else name
        found = getattr(import_module(f"api.commands.{module}"), module)
        if isinstance(found, typer.Typer):
            line.add_typer(found, name=name)
        else:
            line.command(name=name)(found)
    return line


def __getattr__(name: str) -> typer.Typer:
    """`app`, the whole command line, for those who run it within their process."""
    if name != "app":
        raise AttributeError(name)
    return build(COMMANDS)


def main() -> None:
    """Run the command line and exit with its code."""
    try:
        build([name for name in sys.argv[1:2] if name in COMMANDS] or COMMANDS)()
    except SystemExit as ended:
        sys.exit(Exit.USAGE if ended.code == CLICK_USAGE else ended.code)
    except ValidationError as error:
        errors.print(f"settings: {invalid(error)}", style="red", markup=False)
        sys.exit(Exit.SETTINGS)


if __name__ == "__main__":
    main()
