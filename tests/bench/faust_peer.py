"""The stock Faust peer: one agent, one table, at-least-once; started as its users do, by the worker command.

Values reach the agent as plain dicts, which is kinder to Faust than its Record class.
"""

import os
import secrets
import sys
import tempfile
import time

import faust

from tests.bench.result import Result, Task, digest, report, task

PARTITIONS = 1
Totals = tuple[float, int, int]


def app_of(given: Task) -> faust.App:
    """An app whose one agent folds quotes into a table and ends the process after the last one."""
    app = faust.App(
        f"bench-faust-{secrets.token_hex(4)}",
        broker=f"kafka://{given.broker}",
        consumer_auto_offset_reset="earliest",
        topic_partitions=PARTITIONS,
        datadir=tempfile.mkdtemp(prefix="bench-faust"),
    )
    quotes = app.topic(given.topic, key_type=str, value_serializer="json")
    totals = app.Table("totals", default=lambda: (0.0, 0, 0), partitions=PARTITIONS)

    @app.agent(quotes)
    async def fold(stream: faust.StreamT[dict[str, int]]) -> None:
        seen, started = 0, 0.0
        async for symbol, quote in stream.items():
            started = started or time.perf_counter()
            _, count, sizes = totals[symbol]
            totals[symbol] = (
                (quote["bid"] + quote["ask"]) / 2,
                count + 1,
                sizes + quote["bid_size"] + quote["ask_size"],
            )
            seen += 1
            if seen == given.events:
                end(Result(seen, time.perf_counter() - started, digest(totals.values())))

    return app


def end(result: Result) -> None:
    """Reports and leaves at once: a graceful stop of Faust takes seconds and is not what is measured."""
    report(result)
    os._exit(0)


if __name__ == "__main__":
    sys.argv = ["faust_peer", "--quiet", "worker", "--loglevel", "warn", "--without-web"]
    app_of(task()).main()
