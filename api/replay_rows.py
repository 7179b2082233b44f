"""Stores what a replay came to in the history database, under the run's name."""

from typing import Any

import msgspec
import psycopg

from api.ending import Ended
from api.replay.manifest import Manifest
from api.replay.results.collected import Collected
from sinks import run_results
from sinks.migrate import migrate
from streams.exits import Exit

TIMEOUT_S = 10


async def store(url: str, plan: Manifest, result: dict[str, Any], found: Collected) -> None:
    """Replace what is stored of the run. Raises Ended where there is no database, or the name is another's."""
    if not url:
        raise Ended(
            Exit.USAGE, "there is no history database to store results in: HEADRACE_POSTGRES_URL"
        )
    try:
        async with await psycopg.AsyncConnection.connect(
            url, connect_timeout=TIMEOUT_S, autocommit=True
        ) as sql:
            await migrate(sql)
            await run_results.store(
                sql,
                plan.run,
                msgspec.to_builtins(plan),
                result,
                [msgspec.structs.astuple(each) for each in found.points],
                [msgspec.structs.astuple(each) for each in found.trades],
                [msgspec.structs.astuple(each) for each in found.executions],
            )
    except psycopg.OperationalError as error:
        raise Ended(Exit.REFUSED, f"the history database does not answer: {error}") from error
    except run_results.NameTaken as error:
        raise Ended(Exit.REFUSED, str(error)) from error
