"""`headrace replay --serve`: runs what the API queued, one after the other, each in a process of its own."""

import asyncio
import sys
from contextlib import suppress
from typing import Any

import psycopg
import typer

from api.ending import Ended
from api.process import stop_signals
from streams.exits import Exit
from streams.settings import Settings

POLL_S = 2.0
STOP_S = 20.0

TAKE_SQL = """
SELECT run_id, words FROM replay_queue WHERE ended_at IS NULL
ORDER BY queued_at FOR UPDATE SKIP LOCKED LIMIT 1"""
END_SQL = "UPDATE replay_queue SET ended_at = now(), exit_code = %s WHERE run_id = %s"


def run(settings: Settings) -> None:
    """The queue of these settings, in the foreground. Raises Ended without a database."""
    if not settings.postgres_url:
        raise Ended(Exit.SETTINGS, "no history database: set HEADRACE_POSTGRES_URL")
    common = ["--brokers", settings.brokers, "--data", str(settings.data)]

    async def served() -> int:
        return await serve(settings.postgres_url, common, stop_signals())

    typer.echo(f"{asyncio.run(served())} replays ended")


async def serve(
    postgres_url: str, common: list[str], stop: asyncio.Event, *, once: bool = False
) -> int:
    """Until `stop`, or with `once` until the queue is empty; how many runs ended.

    common: options that every run gets. A run that `stop` interrupts stays in the queue and is resumed by the next one.
    """
    ended = 0
    while not stop.is_set():
        if await _one(postgres_url, common, stop):
            ended += 1
        elif once:
            break
        else:
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), POLL_S)
    return ended


async def _one(postgres_url: str, common: list[str], stop: asyncio.Event) -> bool:
    """Take a row, run it, say how it ended; the row stays locked meanwhile. False where none waits."""
    async with await psycopg.AsyncConnection.connect(postgres_url, connect_timeout=5) as sql:
        found: Any = await (await sql.execute(TAKE_SQL)).fetchone()
        if found is None:
            return False
        run_id, words = found
        code = await _run(["--run", run_id, *words, "--store", *common], stop)
        if code is None:
            return False
        await sql.execute(END_SQL, [code, run_id])
    return True


async def _run(words: list[str], stop: asyncio.Event) -> int | None:
    """The exit code of one replay; None where it was told to stop."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "api.cli", "replay", *words
    )
    ending, stopping = asyncio.create_task(child.wait()), asyncio.create_task(stop.wait())
    await asyncio.wait({ending, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if ending.done():
        return ending.result()
    child.terminate()
    try:
        await asyncio.wait_for(ending, STOP_S)
    except TimeoutError:
        child.kill()
        await child.wait()
    return None
