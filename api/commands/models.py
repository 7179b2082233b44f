"""`headrace models`: what serves, what each version is, and where it came from."""

import asyncio
import json
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import psycopg
import typer
from rich.console import Console
from rich.table import Table

from api import locate
from api.commands.models_rebuild import rebuild
from api.commands.models_report import report
from api.ending import Ended, plainly
from streams.exits import Exit
from streams.settings import Settings

if TYPE_CHECKING:
    from api.registry.overview import Line, Manifest

output = Console(highlight=False, soft_wrap=True)
LIST_COLUMNS = 110
REFUSED = 1
"""The exit code where a file of a version is not what its record says."""

models = typer.Typer(
    help="What serves, what each version is, and how it does.", no_args_is_help=True
)
models.command()(report)
models.command()(rebuild)


@models.command("list")
def list_(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    brokers: locate.Brokers = None,
    data: locate.Data = None,
) -> None:
    """Show each model's champion and candidates, with evidence, what it must reach, and skill."""
    with plainly():
        lines = asyncio.run(_lines(_found(brokers, data)))
    if as_json:
        output.print_json(msgspec.json.encode(lines).decode())
        return
    table = Table(box=None)
    for name in (
        "model",
        "champion",
        "candidate",
        "age",
        "labels",
        "E / needed",
        "kappa_t",
        "state",
    ):
        table.add_column(
            name, justify="left" if name in ("model", "champion", "candidate", "state") else "right"
        )
    for line in lines:
        table.add_row(*_cells(line))
    # a pipe counts as 80 columns, and would have names cut off
    Console(highlight=False, width=max(output.width, LIST_COLUMNS)).print(table)


@models.command()
def show(
    model: Annotated[str, typer.Argument(help="label.set.group")],
    version: Annotated[str, typer.Argument(help="Else every version.")] = "",
    brokers: locate.Brokers = None,
    data: locate.Data = None,
) -> None:
    """Show records, lineage, decisions and files; exit 1 if a version would not load."""
    with plainly():
        manifests = asyncio.run(_manifests(_found(brokers, data), model, version))
        if not manifests:
            raise Ended(Exit.USAGE, f"no {model} {version}".rstrip())
    for each in manifests:
        output.print_json(json.dumps(_plain(each)))
    if any(each.refused for each in manifests):
        raise typer.Exit(REFUSED)


def _found(brokers: str | None, data: Any) -> Settings:
    settings = locate.settings(brokers, data)
    if not settings.postgres_url:
        raise Ended(Exit.SETTINGS, "the registry is in PostgreSQL: set HEADRACE_POSTGRES_URL")
    return settings


async def _lines(settings: Settings) -> "list[Line]":
    from api.registry import overview

    try:
        async with await psycopg.AsyncConnection.connect(settings.postgres_url) as connection:
            return await overview.lines(connection)
    except psycopg.OperationalError as error:
        raise Ended(Exit.NO_BROKER, f"the registry does not answer: {error}") from error


async def _manifests(settings: Settings, model: str, version: str) -> "list[Manifest]":
    from api.registry import overview

    try:
        async with await psycopg.AsyncConnection.connect(settings.postgres_url) as connection:
            return await overview.manifests(connection, model, version)
    except psycopg.OperationalError as error:
        raise Ended(Exit.NO_BROKER, f"the registry does not answer: {error}") from error


def _cells(line: "Line") -> tuple[str, ...]:
    return (
        line.model,
        line.champion,
        line.candidate,
        f"{line.age_s / 3600:.1f} h",
        f"{line.labels:,}",
        "-" if line.evidence is None else f"{line.evidence:.4g} / {line.threshold:.4g}",
        "-" if line.kappa_t is None else f"{line.kappa_t:.3f}",
        line.state,
    )


def _plain(manifest: "Manifest") -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(manifest)
    inner = told["record"].get("manifest")
    if inner:
        told["record"]["manifest"] = json.loads(inner)
    return told
