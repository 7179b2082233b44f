"""`python -m tests.backfill.process URL FOLDER BASE_URL POINT`: a backfill in a process that ends at a point."""

import asyncio
import sys
from dataclasses import replace
from pathlib import Path

from api.backfill.carry import carry_out
from api.backfill.run import POINTS
from streams import crash
from tests.backfill.scene import Scene


def main(database: str, folder: str, base_url: str, point: str) -> None:
    """Carry the scene's order out."""
    scene = Scene(database, Path(folder))
    means = replace(scene.means(base_url), passage=crash.at(point, POINTS))
    print(asyncio.run(carry_out(scene.order, means)).ending.state)


if __name__ == "__main__":
    main(*sys.argv[1:])
