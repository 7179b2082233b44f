"""`headrace promote`: which version of a model serves, by the gate's evidence or by a person."""

import asyncio
import getpass
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import psycopg
import typer
from rich.console import Console
from rich.table import Table

from api import locate, logs
from api.ending import Ended, plainly
from api.registry.keys import key
from models.gate.settings import GateSettings, SettingRefused, parse
from streams.exits import Exit
from streams.settings import Settings

if TYPE_CHECKING:
    from aiokafka import AIOKafkaConsumer

    from api.promotion.job import Passed
    from api.registry.aliases import Connection
    from models.gate.conditions import Check
    from streams.predictions import Alias

output = Console(highlight=False, soft_wrap=True)
REFUSED = 1
"""The exit code where a rule refused."""


@dataclass(frozen=True)
class Wanted:
    """What was asked for."""

    model: str
    to: str
    hold: bool
    unhold: bool
    check: bool
    yes: bool


def promote(
    model: Annotated[str, typer.Argument(help="label.set.group; with --auto: every model.")] = "",
    to: Annotated[
        str, typer.Option(help="This version, with no gate but the load checks: a rollback.")
    ] = "",
    check: Annotated[
        bool, typer.Option("--check", help="Show the gate's table; exit 1 if anything fails.")
    ] = False,
    auto: Annotated[
        bool, typer.Option("--auto", help="One pass of the gate: count, decide, carry out.")
    ] = False,
    every: Annotated[
        float, typer.Option(min=0.0, help="With --auto: pass after pass, so many seconds apart.")
    ] = 0.0,
    hold: Annotated[bool, typer.Option("--hold", help="No promotions until --unhold.")] = False,
    unhold: Annotated[bool, typer.Option("--unhold", help="Let the gate promote again.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing.")] = False,
    brokers: locate.Brokers = None,
    data: locate.Data = None,
) -> None:
    """Promote a model's candidate if the gate lets it, or put a version in charge; see docs/models.md.

    Exits 0 when it is done, 1 when a rule refused.
    """
    with plainly():
        if (not model) != auto or sum((bool(to), auto, hold, unhold, check)) > 1:
            if not (check and to):
                raise Ended(
                    Exit.USAGE,
                    "name a model and at most one of --to, --check, --hold, --unhold; or --auto",
                )
        if every and not auto:
            raise Ended(Exit.USAGE, "--every goes with --auto")
        settings, gate = _settings(locate.settings(brokers, data))
        if auto and every:
            logs.to_stderr()
            work = _loop(settings, gate, every)
        elif auto:
            work = _auto(settings, gate)
        else:
            work = _one(settings, gate, Wanted(model, to, hold, unhold, check, yes))
        code = asyncio.run(work)
    raise typer.Exit(code)


def _settings(settings: Settings) -> tuple[Settings, GateSettings]:
    if not settings.postgres_url:
        raise Ended(Exit.SETTINGS, "the registry is in PostgreSQL: set HEADRACE_POSTGRES_URL")
    try:
        return settings, parse(settings.promotion)
    except SettingRefused as refused:
        raise Ended(Exit.SETTINGS, f"HEADRACE_PROMOTION: {refused}") from refused


async def _loop(settings: Settings, gate: GateSettings, every_s: float) -> int:
    from api.promotion import loop

    await loop.run(settings, gate, every_s, key(settings))
    return Exit.CLEAN


async def _auto(settings: Settings, gate: GateSettings) -> int:
    from api.promotion import loop, start
    from api.promotion.job import Gate

    async with _stores(settings) as (connection, consumer):
        await start.begin(connection, gate)
        judge = Gate(gate, key(settings))
        for passed in await loop.every_model(judge, connection, consumer):
            _say(passed)
        await _tell(settings, connection)
    return Exit.CLEAN


async def _one(settings: Settings, gate: GateSettings, wanted: Wanted) -> int:
    from api.promotion import person
    from api.registry.aliases import Busy

    async with _stores(settings) as (connection, consumer):
        try:
            if wanted.check:
                return await _check(settings, gate, wanted, connection, consumer)
            if not (wanted.to or wanted.hold or wanted.unhold):
                return await _promote(settings, gate, wanted, connection, consumer)
            change = wanted.to or ("hold" if wanted.hold else "unhold")
            _agree(wanted, f"{wanted.model}: {change}")
            alias = await _by_hand(settings, gate, wanted, connection)
        except (person.Refused, Busy) as refused:
            output.print(str(refused), style="red", markup=False)
            return REFUSED
        except LookupError as error:
            raise Ended(Exit.USAGE, str(error)) from error
        await _tell(settings, connection)
        _show(alias)
    return Exit.CLEAN


async def _by_hand(
    settings: Settings, gate: GateSettings, wanted: Wanted, connection: "Connection"
) -> "Alias":
    from api.promotion import person

    by = getpass.getuser()
    if wanted.to:
        return await person.put(
            connection, wanted.model, wanted.to, by=by, settings=gate, key=key(settings)
        )
    return await person.hold(connection, wanted.model, held=wanted.hold, by=by, settings=gate)


async def _check(
    settings: Settings,
    gate: GateSettings,
    wanted: Wanted,
    connection: "Connection",
    consumer: "AIOKafkaConsumer",
) -> int:
    """Show the table of every candidate, or of the one named; 1 unless one of them meets every demand."""
    from api.promotion.job import Gate

    passed = await Gate(gate, key(settings)).look(connection, consumer, wanted.model)
    candidates = passed.evidence.candidates
    shown = {name: each for name, each in candidates.items() if wanted.to in ("", name)}
    if not shown:
        raise Ended(Exit.USAGE, f"{wanted.model} has no candidate {wanted.to}".rstrip())
    for name, each in shown.items():
        output.print(table(f"{name} against {passed.alias.champion}", each.checks))
    good = any(all(line.passed for line in each.checks) for each in shown.values())
    return Exit.CLEAN if good else REFUSED


async def _promote(
    settings: Settings,
    gate: GateSettings,
    wanted: Wanted,
    connection: "Connection",
    consumer: "AIOKafkaConsumer",
) -> int:
    """Let the gate's candidate begin its canary, if there is one that meets every demand."""
    from api.promotion.job import Gate

    judge = Gate(gate, key(settings))
    seen = await judge.look(connection, consumer, wanted.model)
    if seen.verdict.action in ("propose", "canary", "promote"):
        _agree(wanted, f"{wanted.model}: {seen.verdict.candidate}, {seen.verdict.reason}")
    passed = await judge.decide(connection, consumer, wanted.model, approved=True)
    await _tell(settings, connection)
    _say(passed)
    return Exit.CLEAN if passed.alias.epoch != passed.evidence.epoch else REFUSED


@asynccontextmanager
async def _stores(settings: Settings) -> AsyncIterator[tuple["Connection", "AIOKafkaConsumer"]]:
    from api.promotion import loop
    from streams import log

    try:
        async with loop.connected(settings) as connection, log.reader(settings.brokers) as consumer:
            yield connection, consumer
    except psycopg.OperationalError as error:
        raise Ended(Exit.NO_BROKER, f"the registry does not answer: {error}") from error


async def _tell(settings: Settings, connection: "Connection") -> None:
    from api.registry.publish import publish

    await publish(connection, settings.brokers)


def _agree(wanted: Wanted, what: str) -> None:
    if not wanted.yes and not typer.confirm(f"{what}?"):
        raise Ended(REFUSED, "nothing changed")


def _say(passed: "Passed") -> None:
    verdict = passed.verdict
    output.print(
        f"{passed.alias.model}: {passed.new_labels} labels, {verdict.action} {verdict.candidate}".rstrip()
        + f": {verdict.reason}",
        markup=False,
    )
    if passed.alias.epoch != passed.evidence.epoch:
        _show(passed.alias)


def _show(alias: "Alias") -> None:
    from streams.instants import time_text

    canary = f", {alias.challenger} answers {alias.canary_fraction:.0%}" if alias.challenger else ""
    held = ", held" if alias.held else ""
    output.print(
        f"{alias.model} epoch {alias.epoch}: {alias.action}, {alias.champion} serves{canary}{held} "
        f"from {time_text(alias.effective_from)}",
        markup=False,
    )


def table(title: str, checks: "tuple[Check, ...]") -> Table:
    table = Table(title=title, title_justify="left", box=None)
    for name in ("demand", "shown", "needed", ""):
        table.add_column(name, justify="right" if name == "shown" else "left")
    for line in checks:
        shown = f"{line.shown:.4g}" if isinstance(line.shown, float | int) else line.shown or "-"
        style = "" if line.passed else "red"
        table.add_row(line.name, shown, line.demand, "" if line.passed else "fails", style=style)
    return table
