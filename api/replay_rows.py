"""Stores what a replay came to in the history database, under the run's name."""

from typing import Any

import msgspec
import psycopg

from api.ending import Ended
from api.replay.whatif import Run
from sinks import run_results
from sinks.migrate import migrate
from streams.exits import Exit

TIMEOUT_S = 10


async def store(url: str, run: Run, result: dict[str, Any]) -> None:
    """Replace what is stored of the run; its steps are the topic partitions that it wrote.

    Raises Ended where there is no database, or the name is another's.
    """
    if not url:
        raise Ended(
            Exit.USAGE, "there is no history database to store results in: HEADRACE_POSTGRES_URL"
        )
    found, sha256 = run.collected, run.hashes.by_partition()
    try:
        async with await psycopg.AsyncConnection.connect(
            url, connect_timeout=TIMEOUT_S, autocommit=True
        ) as sql:
            await migrate(sql)
            await run_results.store(
                sql,
                run.plan.run,
                msgspec.to_builtins(run.plan),
                result,
                [(name, run.hashes.records(name), each) for name, each in sha256.items()],
                [msgspec.structs.astuple(each) for each in found.points],
                [msgspec.structs.astuple(each) for each in found.trades],
                [msgspec.structs.astuple(each) for each in found.executions],
            )
    except psycopg.OperationalError as error:
        raise Ended(Exit.REFUSED, f"the history database does not answer: {error}") from error
    except run_results.NameTaken as error:
        raise Ended(Exit.REFUSED, str(error)) from error
