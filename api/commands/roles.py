"""`headrace roles`: who may do what in the database and in the cache, shown and granted."""

import asyncio
from enum import StrEnum
from typing import Annotated

import psycopg
import typer
from psycopg import sql
from rich.console import Console
from rich.table import Table

from api import locate
from api.ending import Ended, plainly
from sinks import roles as grants
from sinks.migrate import SchemaRefused, migrate
from streams.exits import Exit

roles = typer.Typer(
    help="Show and grant what each process may do in the database and in the cache."
)
output = Console(highlight=False)


class Form(StrEnum):
    """In what form the rights are shown."""

    table = "table"
    sql = "sql"
    users = "users"


@roles.command()
def show(
    form: Annotated[
        Form,
        typer.Option("--as", help="Statements for PostgreSQL, or an aclfile of Valkey to fill in."),
    ] = Form.table,
) -> None:
    """Show who may do what; everything else is refused."""
    if form is Form.sql:
        typer.echo("\n".join(f"{each.as_string()};" for each in _statements()))
    elif form is Form.users:
        names = {user: f"<SHA-256 of {user}'s password>" for user in grants.USERS}
        typer.echo(grants.users_file(names), nl=False)
    else:
        output.print(_matrix())


@roles.command()
def apply(
    url: Annotated[
        str, typer.Option(help="PostgreSQL as its owner, else HEADRACE_POSTGRES_URL.")
    ] = "",
    data: locate.Data = None,
) -> None:
    """Migrate the database and grant its roles what they may, as the owner; nothing changes the second time."""
    settings = locate.settings(data=data)
    with plainly():
        place = url or settings.postgres_url
        if not place:
            raise Ended(
                Exit.SETTINGS, "no database: set HEADRACE_POSTGRES_URL or name one with --url"
            )
        try:
            applied = asyncio.run(_apply(place, settings.require_timescale))
        except (psycopg.Error, SchemaRefused) as error:
            raise Ended(Exit.CHECK_FAILED, str(error).strip()) from error
        except grants.RolesMissing as missing:
            raise Ended(
                Exit.CHECK_FAILED,
                f"no roles {missing}: make them with `CREATE ROLE name LOGIN PASSWORD ...`",
            ) from missing
    typer.echo("\n".join(f"applied {name}" for name in applied) or "no migration is missing")
    typer.echo(f"{len(grants.ROLES)} roles have what they may")


async def _apply(url: str, require_timescale: bool) -> list[str]:
    async with await psycopg.AsyncConnection.connect(
        url, autocommit=True, connect_timeout=5
    ) as owner:
        applied = await migrate(owner, require_timescaledb=require_timescale)
        await grants.apply(owner)
    return applied


def _statements() -> list[sql.Composed]:
    return grants.statements({kind: kind for kind in grants.ROLES})


def _matrix() -> Table:
    table = Table("role", "operations", "tables")
    for role in grants.ROLES:
        named = [right for right in grants.rights() if right.role == role]
        for operations in dict.fromkeys(right.operations for right in named):
            tables = [right.table for right in named if right.operations == operations]
            table.add_row(role, ", ".join(operations), ", ".join(tables))
            role = ""
        table.add_section()
    for user, rules in grants.USERS.items():
        table.add_row(f"{user} (Valkey)", rules, "")
    return table
