"""`headrace drill`: loses a part on a fresh copy, brings it back, and compares with what is promised."""

import asyncio
from pathlib import Path
from typing import Annotated

import psycopg
import typer
from rich.console import Console
from rich.table import Table

from api import locate
from api.drills.report import TARGETS, Report
from api.ending import Ended, plainly
from streams.exits import Exit
from streams.processes import LocalPartError
from streams.settings import Settings

ALL = "all"
MISSED = 1
output = Console(highlight=False, soft_wrap=True)


def drill(
    part: Annotated[str, typer.Argument(help=f"{', '.join(TARGETS)}, or all of them.")],
    target: Annotated[
        str, typer.Option(help="PostgreSQL where the result is kept, else HEADRACE_POSTGRES_URL.")
    ] = "",
    into: Annotated[Path, typer.Option(help="Directory for the reports.")] = Path("drills"),
    brokers: locate.Brokers = None,
    data: locate.Data = None,
) -> None:
    """Lose a part on a fresh copy and bring it back; a report is written. Exits 0 when nothing promised was missed.

    Nothing that runs is touched: every drill starts servers of its own. Production is refused.
    """
    with plainly():
        if part not in (*TARGETS, ALL):
            raise Ended(Exit.USAGE, f"no part {part}; there are {', '.join(TARGETS)} and {ALL}")
        settings = locate.settings(brokers, data)
        url = target or settings.postgres_url
        parts = list(TARGETS) if part == ALL else [part]
        reports = [_one(each, settings, url, into) for each in parts]
    output.print(table(reports))
    for report in reports:
        _explain(report)
    raise typer.Exit(Exit.CLEAN if all(report.passes for report in reports) else MISSED)


def _one(part: str, settings: Settings, url: str, into: Path) -> Report:
    from api.drills import run  # the engine takes a second to import

    try:
        report = asyncio.run(run.run(part, settings, _say))
    except run.DrillRefused as refused:
        raise Ended(Exit.CHECK_FAILED, str(refused)) from refused
    except LocalPartError as error:
        raise Ended(Exit.CHECK_FAILED, str(error)) from error
    _say(f"report: {report.write(into)}")
    if url:
        _keep(url, report)
    return report


def _keep(url: str, report: Report) -> None:
    from sinks import drills

    try:
        asyncio.run(drills.record(url, report.content()))
    except psycopg.Error as error:
        raise Ended(Exit.CHECK_FAILED, f"the report is not in the database: {error}") from error


def _say(line: str) -> None:
    output.print(line, style="dim", markup=False)


def table(reports: list[Report]) -> Table:
    """Each part's loss and time against what is promised."""
    shown = Table(
        "part", "lost (RPO)", "promised", "back after (RTO)", "promised", "checks", "verdict"
    )
    for report in reports:
        rpo, rto = report.target
        held = sum(check.holds for check in report.checks)
        shown.add_row(
            report.part,
            _seconds(report.rpo_s),
            _seconds(rpo),
            _seconds(report.rto_s),
            _seconds(rto),
            f"{held} of {len(report.checks)}",
            "[green]passed[/]" if report.passes else "[red]FAILED[/]",
        )
    return shown


def _explain(report: Report) -> None:
    for check in report.checks:
        if not check.holds:
            output.print(
                f"{report.part}: NOT {check.name} ({check.detail})", style="red", markup=False
            )
    for note in report.notes:
        output.print(f"{report.part}: {note}", markup=False)


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f} s"
