"""`headrace verify quality`: a day of bars and examples, judged by Great Expectations in one process, as each night."""

import asyncio
import time
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import psycopg
import typer
from rich.console import Console

from api import locate
from api.ending import Ended, plainly
from streams.exits import Exit
from streams.instants import SECOND
from streams.settings import Settings

if TYPE_CHECKING:
    from api.quality.day import Found
    from api.quality.shift import Shifted

output = Console(highlight=False, soft_wrap=True)
UNFIT = 1
SHOWN = 5


def verify(
    day: Annotated[str, typer.Option(help="Such as 2026-11-23, UTC; else yesterday.")] = "",
    data: locate.Data = None,
) -> None:
    """Judge the bars and examples of a day, and keep what was found in quality_results, with pages on it.

    Exits 0 when all is fit or there is nothing, 1 with what is not, or could not be judged.
    """
    with plainly():
        settings = locate.settings(None, data)
        if not settings.postgres_url:
            raise Ended(Exit.SETTINGS, "what is judged is in PostgreSQL: set HEADRACE_POSTGRES_URL")
        name = f"day-{_date(day)}"
        try:
            found, shifted, link = _checked(settings, name, _date(day))
        except psycopg.OperationalError as error:
            raise Ended(Exit.NO_BROKER, f"the history does not answer: {error}") from error
    for part in found:
        told = part.verdict.reason or f"fit, {len(part.verdict.results)} expectations"
        style = "red" if part.verdict.reason else None
        output.print(f"{part.name} {part.chunk}: {told}", style=style, markup=False)
    for each in shifted:
        _tell(each)
    output.print(f"{len(found)} parts judged  {link}", markup=False)
    raise typer.Exit(Exit.CLEAN if all(part.verdict.valid for part in found) else UNFIT)


def _tell(shifted: "Shifted") -> None:
    most = sorted(shifted.psi.items(), key=lambda each: -each[1])[:SHOWN]
    told = ", ".join(f"{name} {psi:.3f}" for name, psi in most)
    asked = "; a training is asked for" if shifted.asked else ""
    output.print(
        f"{shifted.model} {shifted.version}: PSI over {shifted.rows} rows: {told}{asked}",
        style="yellow" if shifted.asked else None,
        markup=False,
    )


def _checked(
    settings: Settings, name: str, wanted: date
) -> "tuple[list[Found], list[Shifted], str]":
    from api.quality import day, pages, shift  # numpy and what judges take a while to import
    from models.quality.validator import Validator

    folder = pages.below(settings.data) / name
    since = datetime(wanted.year, wanted.month, wanted.day, tzinfo=UTC)
    asked = day.Day(name, int(since.timestamp()) * SECOND, time.time_ns())
    with Validator(folder) as judge:
        found = asyncio.run(day.check(settings.postgres_url, asked, judge))
    shifted = asyncio.run(shift.check(settings.postgres_url, asked))
    pages.prune(pages.below(settings.data))
    return found, shifted, pages.link(folder)


def _date(text: str) -> date:
    if not text:
        return datetime.fromtimestamp(time.time(), UTC).date() - timedelta(days=1)
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Ended(Exit.USAGE, f"{text!r} is no day such as 2026-11-23") from error
