"""What the suite gives to each benchmark."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
"""The repository; contenders run in it."""


class Context(NamedTuple):
    """events: size of a throughput run; broker: a running broker to use, "" = start one; directory: scratch, deleted
    at the end; say: shows one line of progress; smoke: only show that the rows run, as small and short as can be.
    """

    events: int
    rounds: int
    directory: Path
    say: Callable[[str], None]
    broker: str = ""
    smoke: bool = False
