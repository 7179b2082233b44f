"""Runs the demo group as a worker process: `python -m tests.transport.worker`, settings from the environment."""

import sys

from agents import app
from agents.fold import Chunk
from agents.group import Group
from streams.meter import NoMeter
from streams.settings import Settings
from tests.transport.demo import DEMO


def observe(group: Group, chunk: Chunk, seconds: dict[str, float]) -> None:
    """Say that a chunk was committed."""
    print(group.name, "committed", seconds, flush=True)


if __name__ == "__main__":
    sys.exit(app.run(app.build(Settings(), [DEMO], observe, NoMeter())))
