"""`headrace topics`: creates, checks and shows the topics of the catalogue."""

import asyncio
import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from api import locate
from api.ending import plainly
from streams import acl as grants
from streams import admin
from streams.topics import CATALOGUE, DAY_MS, Topic

topics = typer.Typer(help="Create, check and show the topics of the catalogue.")
output = Console(highlight=False)


@topics.command()
def apply(
    partitions: Annotated[int | None, typer.Option(min=1, help="Fixed for life.")] = None,
    embedded: Annotated[
        bool, typer.Option("--embedded", help="Keep every record for ever, whatever its time.")
    ] = False,
    brokers: locate.Brokers = None,
    data: locate.Data = None,
) -> None:
    """Create the topics that are missing; those that exist are left as they are."""
    settings = locate.settings(brokers, data)
    with plainly():
        created = asyncio.run(
            admin.apply(settings.brokers, partitions or settings.partitions, embedded=embedded)
        )
    typer.echo("\n".join(f"created {name}" for name in created) or "nothing is missing")


@topics.command()
def check(
    partitions: Annotated[int | None, typer.Option(min=1)] = None,
    brokers: locate.Brokers = None,
    data: locate.Data = None,
) -> None:
    """Compare the cluster's topics with the catalogue; exits 1 when they differ."""
    settings = locate.settings(brokers, data)
    with plainly():
        problems = asyncio.run(admin.check(settings.brokers, partitions or settings.partitions))
    for problem in problems:
        typer.echo(str(problem))
    if problems:
        raise typer.Exit(1)
    typer.echo(f"all {len(CATALOGUE)} topics agree with the catalogue")


@topics.command()
def show(brokers: locate.Brokers = None, data: locate.Data = None) -> None:
    """List the topics with what the cluster has of them."""
    settings = locate.settings(brokers, data)
    with plainly():
        found = asyncio.run(admin.describe(settings.brokers))
    table = Table("topic", "key", "cleanup", "retention", "partitions", "replicas")
    for topic in CATALOGUE:
        table.add_row(*_row(topic, found.get(topic.name)))
    output.print(table)


class Form(StrEnum):
    """In what form the grants are shown."""

    table = "table"
    commands = "commands"
    users = "users"


@topics.command()
def acl(
    form: Annotated[
        Form,
        typer.Option(
            "--as", help="Lines of kafka-acls.sh, or KafkaUser manifests (JSON, which is YAML)."
        ),
    ] = Form.table,
    app: Annotated[str, typer.Option(help="HEADRACE_APP: it names groups and ids.")] = "headrace",
) -> None:
    """Show who may do what at the brokers; everything else is refused."""
    if form is Form.commands:
        typer.echo("\n".join(grants.commands(app)))
    elif form is Form.users:
        typer.echo("\n---\n".join(json.dumps(user, indent=2) for user in grants.kafka_users(app)))
    else:
        output.print(_matrix(app))


def _matrix(app: str) -> Table:
    table = Table("principal", "resource", "name", "operations")
    for principal, granted in grants.matrix(app).items():
        for grant in grants.merged(granted):
            name = grant.name + ("*" if grant.is_prefix else "")
            table.add_row(principal, grant.kind, name, ", ".join(grant.operations))
            principal = ""
        table.add_section()
    return table


@topics.command()
def render(
    directory: Annotated[
        Path, typer.Option(help="The kustomize base; its kafka and worker folders are written.")
    ] = Path("k8s/base"),
    partitions: Annotated[int, typer.Option(min=1)] = 12,
) -> None:
    """Write the KafkaTopics, KafkaUsers and lag triggers that the catalogue and the matrix of rights stand for."""
    from api import manifests  # the routes take a second to import

    changed = manifests.write(directory, partitions, "headrace")
    typer.echo("\n".join(map(str, changed)) or "nothing has changed")


def _row(topic: Topic, found: admin.Description | None) -> tuple[str, ...]:
    if found is None:
        return topic.name, topic.key, topic.cleanup, "", "missing", ""
    retention = int(found.settings.get("retention.ms", -1))
    kept = "for ever" if retention < 0 else f"{retention / DAY_MS:g} d"
    cleanup = found.settings.get("cleanup.policy", topic.cleanup)
    return topic.name, topic.key, cleanup, kept, str(found.partitions), str(found.replication)
