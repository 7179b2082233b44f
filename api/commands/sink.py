"""`headrace sink`: writes the topics to the history and the latest state, in the foreground; `features`: see there."""

import asyncio
from typing import Annotated

import typer
from redis.exceptions import RedisError

from agents import sink as process
from api import locate, logs
from api.commands import features
from api.ending import Ended, plainly
from sinks.rebuild import rebuild
from streams.exits import Exit
from streams.settings import Settings

RebuildLatest = Annotated[
    bool,
    typer.Option(
        "--rebuild-latest", help="Only rebuild the latest state from the topics, and end."
    ),
]
sink = typer.Typer()


@sink.callback(invoke_without_command=True)
def history(
    context: typer.Context,
    brokers: locate.Brokers = None,
    data: locate.Data = None,
    rebuild_latest: RebuildLatest = False,
) -> None:
    """Run the sink until it is told to stop; it stores what it has in hand."""
    if context.invoked_subcommand is not None:
        return
    logs.to_stderr()
    settings = locate.settings(brokers, data)
    with plainly():
        run = _rebuild(settings) if rebuild_latest else process.run(settings)
        code = asyncio.run(run)
    raise typer.Exit(code)


sink.command("features")(features.push)


async def _rebuild(settings: Settings) -> Exit:
    if not settings.redis_url:
        print("no latest state: set HEADRACE_REDIS_URL")
        return Exit.SETTINGS
    try:
        rebuilt = await rebuild(settings)
    except RedisError as error:
        raise Ended(Exit.NO_BROKER, f"the latest state does not answer: {error}") from error
    for (topic, partition), count in sorted(rebuilt.values.items()):
        print(f"{topic}[{partition}]: {count} values")
    for topic, partition in sorted(rebuilt.newer):
        print(f"{topic}[{partition}]: left as it is, it is newer")
    return Exit.CLEAN
