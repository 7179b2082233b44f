"""`headrace models rebuild`: a version learned once more from its examples, and compared with the state that runs."""

import asyncio
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer
from rich.console import Console
from rich.table import Table

from api import locate
from api.ending import Ended, plainly
from streams import log, topics
from streams.exits import Exit

if TYPE_CHECKING:
    from streams.log import Record
    from streams.predictions import Example

output = Console(highlight=False, soft_wrap=True)


class Compared(NamedTuple):
    """One symbol's version: how many examples it has learned, its state's hash, and that of the one learned again."""

    symbol: str
    learned: int
    running: str
    rebuilt: str

    @property
    def equal(self) -> bool:
        return self.running == self.rebuilt


def rebuild(
    model: Annotated[str, typer.Argument(help="label.set.group: up1s.micro.all.")],
    version: Annotated[str, typer.Argument(help="Of the inline lane: lin, lin_adam, qi, pa, ...")],
    brokers: locate.Brokers = None,
    data: locate.Data = None,
) -> None:
    """Learn a version again from `examples` and compare it with what runs; exit 1 where a state differs.

    A `pa` or `calib` whose scale was begun anew on the way differs: examples do not tell of that.
    """
    from models.online import versions

    with plainly():
        if version not in versions.INLINE and not version.startswith(versions.CALIB):
            raise Ended(
                Exit.USAGE, f"{version}: the inline lane's only; a restore learns others again"
            )
        found = asyncio.run(_compare(locate.settings(brokers, data).brokers, model, version))
        if not found:
            raise Ended(Exit.USAGE, f"nothing was learned by {model} {version}")
    table = Table("symbol", "learned", "state", "rebuilt", box=None)
    for each in found:
        table.add_row(each.symbol, f"{each.learned:,}", each.running[:16], each.rebuilt[:16])
    output.print(table)
    if not all(each.equal for each in found):
        raise typer.Exit(1)


async def _compare(brokers: str, model: str, version: str) -> list[Compared]:
    from models import rebuilding
    from models.online import versions
    from models.online.adapter import state_hash

    running = _states(await log.read_all(brokers, topics.LEARNER_STATE.name), model, version)
    learned = {symbol: versions.make(version, s).learned for symbol, s in running.items()}
    examples = _examples(await log.read_all(brokers, topics.EXAMPLES.name), model)
    again = rebuilding.rebuild(version, examples, learned)
    return [
        Compared(symbol, again[symbol].learned, state_hash(state), state_hash(again[symbol].state))
        for symbol, state in sorted(running.items())
    ]


def _states(records: "list[Record]", model: str, version: str) -> dict[str, bytes]:
    """The last state of a version, by symbol."""
    from models.learning import LearnerTable

    table, found = LearnerTable(), dict[str, bytes]()
    prefix = f"{table.name}|{model}|".encode()
    for record in records:
        key = record.key or b""
        if key.startswith(prefix) and record.value is not None:
            kept = table.value(record.value).kept(version)
            if kept.state:
                found[key.removeprefix(prefix).decode()] = kept.state
    return found


def _examples(records: "list[Record]", model: str) -> "list[Example]":
    decoded = (topics.EXAMPLES.decode(record.value) for record in records if record.value)
    return [each for each in decoded if each.model == model and each.lane == "inline"]
