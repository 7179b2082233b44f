"""`python -m tests.sinks.process`: a sink in a process of its own, for tests that kill it."""

import asyncio
import logging
import sys

from agents import sink
from streams.settings import Settings

if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    sys.exit(asyncio.run(sink.run(Settings())))
