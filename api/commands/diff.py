"""`headrace diff`: finds the first output in which two replays part."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from api import instants, locate
from api.ending import Ended, plainly
from streams.exits import Exit

if TYPE_CHECKING:
    from api.replay.whatif import Output

output = Console(highlight=False, soft_wrap=True)


def diff(
    first: Annotated[str, typer.Argument(help="The name of a run.")],
    second: Annotated[str, typer.Argument(help="The name of another one.")],
    data: locate.Data = None,
) -> None:
    """Run both again, side by side, to the first output that differs; exits 0 when there is none, else 1."""
    from agents.scorers import LoadedScorers
    from api.replay import manifest, planning
    from api.replay.parting import Parting, part
    from api.replay.whatif import Run

    with plainly():
        settings = locate.settings(None, data)
        runs = []
        for name in (first, second):
            plan = manifest.read(planning.directory(settings, name))
            if plan is None:
                raise Ended(Exit.USAGE, f"no run {name} in {settings.data}")
            scorers = LoadedScorers(settings, waits=True)
            runs.append(Run(plan, None, settings.postgres_url, scorers))
        found = asyncio.run(part(*runs))
    if not isinstance(found, Parting):
        output.print(f"{found} outputs, all equal")
        return
    output.print(f"{found.equal} equal outputs, then:")
    for name, side in ((first, found.first), (second, found.second)):
        output.print(f"{name}: {_text(side)}", markup=False)
    raise typer.Exit(1)


def _text(side: "Output | None") -> str:
    if side is None:
        return "nothing more"
    stream, written = side
    value = (written.value or b"").decode(errors="replace")
    cause = written.header.decode().rsplit(":", 4)[0]
    return f"{stream} at {instants.text(written.timestamp_ms)}, from {cause}\n  {value}"
