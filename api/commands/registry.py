"""`headrace registry`: copies models and Feast's registry out of the database, and restores them into a fresh one."""

import asyncio
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any

import psycopg
import typer

from api import locate
from api.ending import Ended, plainly
from sinks import backups, registry_copy
from sinks.registry_copy import CopyRefused, Manifest
from streams.exits import Exit
from streams.instants import time_text

registry = typer.Typer(help="Copy the registry out of the database, and restore it.")
Database = Annotated[str, typer.Option(help="PostgreSQL, else HEADRACE_POSTGRES_URL.")]


@registry.command()
def copy(
    into: Annotated[Path, typer.Argument(help="Directory of the copy; it is written anew.")],
    url: Database = "",
    keep: Annotated[
        int | None, typer.Option(min=1, help="Write below it, by time, and keep so many copies.")
    ] = None,
    data: locate.Data = None,
) -> None:
    """Write models, their files and verdicts, and Feast's tables, with a manifest of their SHA-256."""
    with plainly():
        _tell(_run(_copy(_url(url, data), into, keep)))


@registry.command()
def restore(
    source: Annotated[Path, typer.Argument(help="Directory of the copy.")],
    url: Database = "",
    data: locate.Data = None,
) -> None:
    """Fill a migrated, empty registry with a copy whose hashes hold, all or nothing."""
    with plainly():
        _tell(_run(registry_copy.restore(_url(url, data), source)))


async def _copy(url: str, into: Path, keep: int | None) -> Manifest:
    """As one that the database knows of, so that its age is watched."""
    taken = time_text(time.time_ns())[:19].replace("-", "").replace(":", "") + "Z"
    kept = await registry_copy.copy(url, into if keep is None else into / taken)
    await backups.note(url, "registry")
    if keep is not None:
        registry_copy.prune(into, keep)
    return kept


def _url(given: str, data: Path | None) -> str:
    found = given or locate.settings(data=data).postgres_url
    if not found:
        raise Ended(Exit.SETTINGS, "no database: set HEADRACE_POSTGRES_URL or name one with --url")
    return found


def _run(work: Coroutine[Any, Any, Manifest]) -> Manifest:
    try:
        return asyncio.run(work)
    except CopyRefused as refused:
        raise Ended(Exit.REFUSED, str(refused)) from refused
    except (psycopg.Error, OSError) as error:
        raise Ended(Exit.CHECK_FAILED, str(error).strip()) from error


def _tell(kept: Manifest) -> None:
    for table, each in kept.items():
        typer.echo(f"{each.sha256[:16]}  {each.rows:8d}  {table}")
