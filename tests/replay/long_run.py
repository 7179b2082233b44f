"""Replays a file of quotes in a process of its own and prints, as it goes, records applied and resident memory."""

import asyncio
import json
import sys
from pathlib import Path

import psutil

from api.replay.manifest import Manifest
from api.replay.whatif import Run

STEP = 250_000


def main(directory: Path) -> None:
    run = Run(Manifest(run="long", partitions=2, generation=1, path=str(directory)), None)
    process = psutil.Process()
    told = 0

    def tell(run: Run) -> None:
        nonlocal told
        if run.sources >= told + STEP:
            told = run.sources
            print(json.dumps([told, process.memory_info().rss]), flush=True)

    asyncio.run(run.go(tell=tell))
    print(json.dumps([run.sources, process.memory_info().rss]))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
