"""Replays a directory of market data with a strategy and prints the hashes of all outputs: for other interpreters."""

import asyncio
import json
import sys
from pathlib import Path

from api.replay.manifest import Manifest
from api.replay.whatif import Run


def main(directory: Path) -> None:
    plan = Manifest(
        run="hashed",
        partitions=2,
        generation=1,
        path=str(directory),
        strategy="tests.replay.strategies:Often",
        params={"every": "3"},
    )
    run = Run(plan, None)
    asyncio.run(run.go())
    print(json.dumps(run.hashes.by_partition()))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
