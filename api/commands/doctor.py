"""`headrace doctor`: checks the parts and says what is wrong, what should be, and how to mend it."""

import asyncio
import json
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console

from api import locate
from api.checks import CHECKS, Finding, guarded
from streams.exits import Exit
from streams.settings import Settings

output = Console(highlight=False, soft_wrap=True)


class Process(StrEnum):
    """Whose environment the doctor is asked in."""

    API = "api"
    WORKER = "worker"
    SINK = "sink"
    FEED = "feed"


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    only_settings: Annotated[
        bool,
        typer.Option("--settings", help="Look at settings and secrets only; ask no other part."),
    ] = False,
    process: Annotated[
        Process, typer.Option("--for", help="Whose settings these are: only the api needs tokens.")
    ] = Process.API,
    brokers: locate.Brokers = None,
    data: locate.Data = None,
) -> None:
    """Check settings, broker, topics, stores, packages and host; it changes nothing.

    Exits 78 when the settings are refused, and looks no further; 1 when something else is wrong.
    """
    settings = locate.settings(brokers, data)
    findings = [guarded(settings, is_api=process is Process.API)]
    is_refused = bool(findings[0].problems)
    if not is_refused and not only_settings:
        findings += asyncio.run(_all(settings))
    healthy = not any(finding.problems for finding in findings)
    if as_json:
        typer.echo(
            json.dumps({"healthy": healthy, "checks": [asdict(f) for f in findings]}, indent=2)
        )
    else:
        for finding in findings:
            _show(finding)
    raise typer.Exit(Exit.SETTINGS if is_refused else 0 if healthy else 1)


async def _all(settings: Settings) -> list[Finding]:
    return list(await asyncio.gather(*(check(settings) for check in CHECKS)))


def _show(finding: Finding) -> None:
    mark, style = ("wrong", "red") if finding.problems else ("ok", "green")
    output.print(f"[{style}]{mark:6}[/] ", end="")
    output.print(f"{finding.subject}: {finding.found}", markup=False)
    for problem in finding.problems:
        output.print(f"       {problem.subject} is {problem.found}", markup=False)
        output.print(f"       should be {problem.expected}", markup=False)
        output.print(f"       to mend it: {problem.mend}", markup=False)
