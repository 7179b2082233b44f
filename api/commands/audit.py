"""`headrace verify --audit` and `headrace audit head`: judge the audit log, and keep its signed end elsewhere."""

import asyncio
from pathlib import Path
from typing import Annotated

import psycopg
import typer

from api import locate
from api.ending import Ended, plainly
from api.verify import audited
from streams import secret
from streams.exits import Exit
from streams.secret import SecretRefused

BROKEN = 1
audit = typer.Typer(help="Keep the signed end of the audit log outside the database.")


@audit.callback()
def _audit() -> None:
    """Keeps the command below from becoming the only one."""


@audit.command()
def head(
    into: Annotated[Path, typer.Argument(help="File that the signed end is appended to.")],
    key_file: Annotated[Path, typer.Option(help="The key that signs; for this user's eyes alone.")],
    data: locate.Data = None,
) -> None:
    """Append number and hash of the newest entry, signed. Run it hourly, on another machine than the database's."""
    with plainly():
        url = _url(data)
        try:
            found = asyncio.run(audited.keep_head(url, into, _key(key_file)))
        except (psycopg.Error, OSError) as error:
            raise Ended(Exit.CHECK_FAILED, str(error).strip()) from error
    typer.echo("there is no entry yet" if found is None else f"entry {found.seq} {found.hash[:16]}")


def judge(data: Path | None, brokers: str | None, heads: Path | None, key_file: Path | None) -> int:
    """The exit code of `verify --audit`, with a line of what was found. Raises Ended."""
    kept = []
    if heads is not None:
        if key_file is None:
            raise Ended(Exit.USAGE, "--heads needs --key-file, the key that signed them")
        try:
            kept = audited.kept_heads(heads, _key(key_file))
        except (OSError, ValueError) as error:
            raise Ended(Exit.REFUSED, f"{heads}: {error}") from error
    settings = locate.settings(brokers, data)
    try:
        verdict = asyncio.run(audited.judge(_url(data), settings.brokers, kept))
    except psycopg.Error as error:
        raise Ended(Exit.CHECK_FAILED, str(error).strip()) from error
    if verdict.fault is not None:
        fault = verdict.fault
        typer.echo(f"audit log broken at entry {fault.seq}: {fault.kind}, {fault.detail}")
        return BROKEN
    typer.echo(
        f"{verdict.entries} entries hold, against {verdict.heads} heads kept elsewhere and "
        f"{verdict.records} records of control"
    )
    return Exit.CLEAN


def _url(data: Path | None) -> str:
    url = locate.settings(data=data).postgres_url
    if not url:
        raise Ended(Exit.SETTINGS, "no history database: set HEADRACE_POSTGRES_URL")
    return url


def _key(file: Path) -> bytes:
    try:
        return secret.read(file).encode()
    except SecretRefused as refused:
        raise Ended(Exit.SETTINGS, str(refused)) from refused
