"""`headrace dlq`: lists, shows, replays and exports dead letters, the records that the engine could not use."""

import asyncio
import getpass
import json
import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from api import dead_letters, locate, shapes
from api.dead_letter_replay import Outcome
from api.dead_letter_replay import replay as send_again
from api.dead_letters import Filter, Letter
from api.ending import Ended, plainly
from streams.codec import encode
from streams.exits import Exit
from streams.ids import Ref

dlq = typer.Typer(help="Dead letters: records that the engine could not use.")
output = Console(highlight=False)

Topic = Annotated[str, typer.Option(help="Of the topic that they come from.")]
Reason = Annotated[str, typer.Option(help="With this reason code.")]
Group = Annotated[str, typer.Option(help="Refused by this route group.")]
Partition = Annotated[int | None, typer.Option(help="Of this partition of their topic.", min=0)]
Moment = typer.Option(formats=["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d"], help="UTC, of the record's time.")
Since = Annotated[datetime | None, Moment]
Name = Annotated[str, typer.Argument(help="PARTITION:OFFSET, as `dlq list` shows it")]


@dlq.command(name="list")
def list_(
    topic: Topic = "",
    reason: Reason = "",
    group: Group = "",
    partition: Partition = None,
    since: Since = None,
    until: Since = None,
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="One object a line.")] = False,
    brokers: locate.Brokers = None,
    data: locate.Data = None,
) -> None:
    """List the letters that pass all filters."""
    wanted = Filter(topic, reason, group, partition, _ms(since), _ms(until))
    letters = _read(brokers, data, wanted)
    letters.sort(key=lambda letter: letter.message.timestamp_ms)
    shown = letters[-limit:]
    if as_json:
        for letter in shown:
            typer.echo(encode(dead_letters.shown(letter)))
        return
    table = Table("letter", "time", "origin", "reason", "error", "sent again", box=None)
    for letter in shown:
        table.add_row(*map(escape, _row(letter)))  # the error may quote foreign text
    output.print(table)
    typer.echo(f"{len(shown)} of {len(letters)} dead letters")


@dlq.command()
def show(name: Name, brokers: locate.Brokers = None, data: locate.Data = None) -> None:
    """Show one letter with its bytes and what became of it, as JSON. Exits 65 when there is none of that name."""
    (letter,) = _named(name, brokers, data)
    typer.echo(json.dumps(dead_letters.shown(letter, whole=True), indent=2))


@dlq.command()
def replay(
    names: Annotated[list[str] | None, typer.Argument(help="PARTITION:OFFSET of letters")] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="All that pass the filters, in place of names.")
    ] = False,
    topic: Topic = "",
    reason: Reason = "",
    group: Group = "",
    partition: Partition = None,
    since: Since = None,
    until: Since = None,
    note: Annotated[str, typer.Option(help="Why; it is kept with the replay.")] = "",
    again: Annotated[bool, typer.Option("--again", help="Even if sent again before.")] = False,
    brokers: locate.Brokers = None,
    data: locate.Data = None,
) -> None:
    """Send letters again onto their topics, where they are new records. A letter is sent once, whoever asks.

    Exits 65 when a letter was refused and none was sent.
    """
    if bool(names) is everything:
        raise typer.BadParameter("name letters, or give --all with filters")
    given = frozenset(_checked(name) for name in names or ())
    wanted = Filter(topic, reason, group, partition, _ms(since), _ms(until), given)
    settings = locate.settings(brokers, data)
    with plainly():
        outcome = asyncio.run(
            send_again(
                settings.brokers,
                settings.app,
                wanted,
                by=getpass.getuser(),
                note=note,
                again=again,
            )
        )
        _tell(outcome)


@dlq.command()
def export(
    file: Annotated[Path | None, typer.Argument(help="JSON lines; else the output.")] = None,
    topic: Topic = "",
    reason: Reason = "",
    group: Group = "",
    partition: Partition = None,
    since: Since = None,
    until: Since = None,
    brokers: locate.Brokers = None,
    data: locate.Data = None,
) -> None:
    """Write the letters that pass, whole, one JSON object a line; bytes in base64."""
    wanted = Filter(topic, reason, group, partition, _ms(since), _ms(until))
    letters = _read(brokers, data, wanted)
    with ExitStack() as stack:
        to = stack.enter_context(file.open("w")) if file else sys.stdout
        for letter in letters:
            to.write(encode(dead_letters.shown(letter, whole=True)).decode() + "\n")
    if file:
        typer.echo(f"{len(letters)} dead letters written to {file}")


def _read(brokers: str | None, data: Path | None, wanted: Filter) -> list[Letter]:
    settings = locate.settings(brokers, data)

    async def read() -> list[Letter]:
        return [letter async for letter in dead_letters.read(settings.brokers, wanted)]

    with plainly():
        return asyncio.run(read())


def _named(name: str, brokers: str | None, data: Path | None) -> list[Letter]:
    with plainly():
        letters = _read(brokers, data, Filter(names=frozenset({_checked(name)})))
        if not letters:
            raise Ended(Exit.REFUSED, f"no dead letter {name}")
    return letters


def _checked(name: str) -> str:
    match = dead_letters.NAME.fullmatch(name)
    if match is None:
        raise typer.BadParameter(f"{name!r} is no PARTITION:OFFSET")
    return f"{int(match[1])}:{int(match[2])}"


def _tell(outcome: Outcome) -> None:
    for marker in outcome.sent:
        letter = f"{marker.letter.partition}:{marker.letter.offset}"
        typer.echo(f"{letter} sent again: {_at(marker.to)}")
    for letter_, why in outcome.refused:
        typer.echo(f"{letter_.name} not sent: {why}")
    typer.echo(f"{len(outcome.sent)} sent, {len(outcome.refused)} not")
    if outcome.refused and not outcome.sent:
        raise typer.Exit(int(Exit.REFUSED))


def _row(letter: Letter) -> tuple[str, ...]:
    message = letter.message
    again = _at(letter.replays[-1].to) if letter.replays else ""
    moment = shapes.rfc3339(message.timestamp_ms * 1_000_000)[:23]
    return letter.name, moment, _at(message.origin), message.reason, message.error[:60], again


def _at(ref: Ref) -> str:
    return f"{ref.topic}[{ref.partition}]@{ref.offset}"


def _ms(moment: datetime | None) -> int | None:
    return None if moment is None else round(moment.replace(tzinfo=UTC).timestamp() * 1000)
