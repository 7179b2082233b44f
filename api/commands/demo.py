"""`headrace demo`: shows on an engine of its own that orders and money come out as published."""

import asyncio
import tempfile
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from api.demo import kill as switch
from api.demo import outcome, script
from api.demo.engine import engine
from api.demo.scenario import Scenario, scenarios
from api.ending import Ended, plainly
from streams.exits import Exit
from streams.processes import LocalPartError

demo = typer.Typer(help="Show on an engine of its own what orders become.", no_args_is_help=True)
output = Console(highlight=False, soft_wrap=True)
READ = ("risk.decisions", "fills", "orders.events", "positions")
DIFFERENT = 1


@demo.callback()
def _demo() -> None:
    """Keeps the commands below from becoming the only one."""


@demo.command()
def brackets(
    only: Annotated[str, typer.Option(help="Numbers of scenarios, comma separated.")] = "",
) -> None:
    """Play the worked examples through Kafka; print expected against got. Exits 0 when all are equal, else 1."""
    with plainly():
        chosen = _chosen(only)
        try:
            log = asyncio.run(_play(chosen))
        except LocalPartError as error:
            raise Ended(Exit.CHECK_FAILED, str(error)) from error
    equal = [_show(scenario, log) for scenario in chosen]
    output.print(f"{sum(equal)} of {len(equal)} scenarios came out as published")
    raise typer.Exit(Exit.CLEAN if all(equal) else DIFFERENT)


@demo.command()
def kill() -> None:
    """Pull the kill switch with 1,000 orders at rest and 1,000 queued. Exits 0 when none came through, else 1."""
    with plainly():
        try:
            found = asyncio.run(_kill())
        except LocalPartError as error:
            raise Ended(Exit.CHECK_FAILED, str(error)) from error
    output.print(f"orders at rest when the switch was pulled   {found.resting}")
    output.print(f"orders queued around it                     {found.queued}")
    output.print(f"  accepted before it was applied            {found.accepted_before}")
    output.print(f"  refused as KILLED                         {found.refused}")
    output.print(f"  accepted after it was applied             {len(found.late)}")
    output.print(f"orders left open                            {len(found.left)}")
    output.print(f"blocked on every partition after            {found.blocked_s:.3f} s")
    output.print(f"last cancel after                           {found.cancelled_s:.3f} s")
    raise typer.Exit(Exit.CLEAN if found.holds else DIFFERENT)


@demo.command()
def backfill() -> None:
    """Fetch history twice from a venue on loopback that fails now and then. Exits 0 when the second changes nothing."""
    from api.demo import backfill as past  # what judges bars is no part of every installation

    with plainly(), tempfile.TemporaryDirectory(prefix="headrace-demo-") as directory:
        try:
            found = asyncio.run(past.show(Path(directory), _say))
        except LocalPartError as error:
            raise Ended(Exit.CHECK_FAILED, str(error)) from error
    for number, (run, digest) in enumerate(zip(found.outcomes, found.hashes, strict=True), start=1):
        output.print(f"run {number}: {run.ending.state}", markup=False)
        output.print(f"  bars expected   {found.bars}")
        output.print(f"  rows read       {run.rows}")
        output.print(f"  rows changed    {run.changed}")
        output.print(f"  requests again  {run.ending.retries}")
        output.print(f"  hash of bars    {digest}")
        if run.ending.error:
            output.print(f"  {run.ending.error}", style="yellow", markup=False)
    raise typer.Exit(Exit.CLEAN if found.holds else DIFFERENT)


@demo.command()
def learning() -> None:
    """Fetch bars, train, shadow, decide, all over again. Exits 0 when the second time no row and no byte differs."""
    from api.commands.promote import table  # what trains is no part of every installation
    from api.demo import learning as way

    with plainly(), tempfile.TemporaryDirectory(prefix="headrace-demo-") as directory:
        try:
            found = asyncio.run(way.show(Path(directory), _say))
        except LocalPartError as error:
            raise Ended(Exit.CHECK_FAILED, str(error)) from error
    for line in found.lines():
        output.print(line, markup=False)
    for name, each in found.passed.evidence.candidates.items():
        output.print(table(f"{name} against {found.passed.evidence.champion}", each.checks))
    raise typer.Exit(Exit.CLEAN if found.holds else DIFFERENT)


async def _kill() -> switch.Outcome:
    with tempfile.TemporaryDirectory(prefix="headrace-demo-") as directory:
        async with engine(Path(directory), _say, lockstep=False) as running:
            return await switch.show(running, _say)


def _say(line: str) -> None:
    output.print(line, style="dim", markup=False)


def _chosen(only: str) -> tuple[Scenario, ...]:
    every = scenarios()
    wanted = [number.strip() for number in only.split(",") if number.strip()]
    unknown = set(wanted) - {scenario.number for scenario in every}
    if unknown:
        there = ", ".join(scenario.number for scenario in every)
        raise Ended(Exit.USAGE, f"no scenario {', '.join(sorted(unknown))}; there are {there}")
    return tuple(s for s in every if not wanted or s.number in wanted)


async def _play(chosen: Sequence[Scenario]) -> outcome.Messages:
    """All of them side by side, each on an account and a symbol of its own."""
    with tempfile.TemporaryDirectory(prefix="headrace-demo-") as directory:
        async with engine(Path(directory), _say, lockstep=True) as running:
            for scenario in chosen:
                await running.reference(script.reference(scenario), script.START_MS)
            for group in script.groups(chosen):
                await running.put(group)
            return {topic: await running.messages(topic) for topic in READ}


def _show(scenario: Scenario, log: outcome.Messages) -> bool:
    got = outcome.lines(scenario, log)
    equal = got == scenario.expected
    verdict = "[green]equal[/]" if equal else "[red]DIFFERENT[/]"
    output.print(f"\n[bold]{scenario.number}  {scenario.title}[/]  {verdict}")
    width = max(map(len, (*scenario.expected, "expected")))
    output.print(f"    {'expected':{width}}    got", style="dim")
    for left, right in zip_longest(scenario.expected, got, fillvalue=""):
        style = None if left == right else "red"
        output.print(f"    {left:{width}}    {right}", style=style, markup=False)
    return equal
