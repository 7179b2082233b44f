"""`headrace verify`: recounts everything from the topics and replays it, and says where two sides differ."""

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from api import instants, locate
from api.commands import features, quality
from api.ending import plainly
from api.replay.stretch import CellName

if TYPE_CHECKING:
    from api.verify.verdict import Verdict

output = Console(highlight=False, soft_wrap=True)


verify = typer.Typer()
verify.command("features")(features.verify)
verify.command("quality")(quality.verify)


@verify.callback(invoke_without_command=True)
def everything(
    context: typer.Context,
    since: Annotated[
        str | None, typer.Option("--from", help="Replay from this event time.")
    ] = None,
    until: Annotated[str | None, typer.Option("--to", help="Replay up to this event time.")] = None,
    at_rest: Annotated[
        bool, typer.Option("--at-rest", help="Nothing is under way: nothing may be left unread.")
    ] = False,
    replay: Annotated[bool, typer.Option(help="Prove the run by replaying it.")] = True,
    rows: Annotated[bool, typer.Option(help="Compare the rows of the history.")] = True,
    audit: Annotated[
        bool, typer.Option("--audit", help="Judge the audit log alone: edited, cut, made anew?")
    ] = False,
    heads: Annotated[
        Path | None, typer.Option(help="With --audit: ends that `headrace audit head` has kept.")
    ] = None,
    key_file: Annotated[
        Path | None, typer.Option(help="With --heads: the key that signed.")
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Write all that was found, as JSON.")] = None,
    brokers: locate.Brokers = None,
    data: locate.Data = None,
) -> None:
    """Recount orders, fills, positions, cash and fees from the topics; compare tables, rows and a replay with them.

    A running system is judged at a consistent cut. Exits 0 when everything holds, 1 with the first differences, 2 when
    the log does not hold what a verdict needs.
    """
    if context.invoked_subcommand is not None:
        return
    if audit:
        from api.commands.audit import judge as judge_audit

        with plainly():
            raise typer.Exit(judge_audit(data, brokers, heads, key_file))
    from agents import configured  # the routes take a second to import
    from api.verify.verdict import Wanted, judge

    with plainly():
        settings = locate.settings(brokers, data)
        if not settings.profile:  # as `up` runs its worker
            settings = settings.model_copy(update={"profile": "simulation"})
        wanted = Wanted(
            instants.milliseconds(since), instants.milliseconds(until), at_rest, replay, rows
        )
        with _bar() as bar:
            task = bar.add_task("books", total=None)

            def told(name: CellName, step: int) -> None:
                bar.update(task, description=f"replay {name}", completed=step)

            verdict = asyncio.run(judge(settings, configured.everything(settings), wanted, told))
    if report is not None:
        report.write_text(json.dumps(verdict.report(), indent=2) + "\n")
    _show(verdict)
    raise typer.Exit(verdict.code)


def _bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed} inputs"))
    return Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True)


def _show(verdict: "Verdict") -> None:
    from api.verify import rules

    for line in rules.lines(verdict.violations):
        output.print(line, style="red", markup=False)
    for line in verdict.unverifiable:
        output.print(f"not verifiable: {line}", style="yellow", markup=False)
    proved = verdict.proof
    if proved is not None:
        for difference in proved.differences[: rules.SHOWN]:
            output.print(f"replay differs: {difference}", style="red", markup=False)
        for name, digest in proved.sha256.items():
            same = digest == proved.replayed.get(name)
            output.print(f"{'equal  ' if same else 'differs'} {digest[:16]} {name}", markup=False)
        output.print(
            f"replayed {proved.steps} inputs in {proved.chunks} chunks, "
            f"compared {proved.records} records"
        )
    output.print(
        f"{sum(verdict.records.values())} records, {verdict.rows} rows, "
        f"{len(verdict.violations)} violations, {verdict.seconds:.1f} s"
    )
