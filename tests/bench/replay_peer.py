"""The engine's part of P3: the routes over dicts on the quotes of a file, alone or with a strategy of brackets.

ONLY: those of the routes that take part, all when empty.
"""

import asyncio
import importlib
import json
import os
import sys
import time
from collections import Counter
from pathlib import Path

from agents.backtest import Backtest, Source
from agents.fold import Cell
from agents.outbox import Sent
from agents.routes import routes
from agents.strategies.load import NONE
from api.replay import file_source
from api.replay.manifest import Manifest
from streams.topics import EVENTS

STRATEGY = "tests.replay.strategies:Often"
ACCOUNT = "paper"


async def records(directory: Path) -> list[list[Source]]:
    """Everything in memory, as the other has it."""
    plan = Manifest(run="p3", partitions=1, generation=1, path=str(directory))
    return [batch async for batch in file_source.records(plan, lambda value: value)]


def backtest(every: int, ticks: int, names: list[str], outputs: Counter[str]) -> Backtest:
    """The engine, its models imported."""
    params = {"every": str(every), "ticks": str(ticks)}
    strategy = (
        {"strategy": STRATEGY, "account": ACCOUNT, "params": params}
        if every
        else {"strategy": NONE}
    )
    groups = routes(1, 1, **strategy)
    groups = tuple(group for group in groups if not names or group.name in names)
    for group in groups:
        if group.loads:
            importlib.import_module(group.loads)

    def seen(_cell: Cell, sent: Sent, _offset: int) -> None:
        outputs[sent.topic] += 1

    return Backtest(groups, 1, seen)


def main() -> None:
    """Runs the replay and prints the result."""
    batches = asyncio.run(records(Path(os.environ["QUOTES"]).parent))
    outputs: Counter[str] = Counter()
    names = [name for name in os.environ.get("ONLY", "").split(",") if name]
    engine = backtest(int(os.environ["EVERY"]), int(os.environ["TICKS"]), names, outputs)
    began, cpu = time.perf_counter(), time.process_time()
    for batch in batches:
        engine.run(batch)
    told = {
        "events": sum(map(len, batches)),
        "seconds": time.perf_counter() - began,
        "cpu": time.process_time() - cpu,
        "order_events": outputs[EVENTS.name],
    }
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
