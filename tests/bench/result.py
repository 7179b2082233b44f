"""The one line that every contender prints, and what it was given."""

import os
import sys
from collections.abc import Iterable
from typing import NamedTuple

import msgspec


class Task(NamedTuple):
    """What a contender is asked to do."""

    broker: str
    topic: str
    events: int


class Digest(msgspec.Struct, frozen=True):
    """A fold of the final state: contenders that did the same work print the same one."""

    keys: int
    mids: float
    count: int
    sizes: int


class Result(msgspec.Struct, frozen=True):
    """events: how many were read; seconds: from the first fetched record to the last."""

    events: int
    seconds: float
    state: Digest | None = None


def task() -> Task:
    """The task in this process's environment: BROKER, TOPIC, EVENTS."""
    return Task(os.environ["BROKER"], os.environ["TOPIC"], int(os.environ["EVENTS"]))


def digest(totals: Iterable[tuple[float, int, int]]) -> Digest:
    """The digest of a state of (last mid, count, sum of sizes) per key."""
    rows = list(totals)
    return Digest(
        keys=len(rows),
        mids=sum(mid for mid, _, _ in rows),
        count=sum(count for _, count, _ in rows),
        sizes=sum(sizes for _, _, sizes in rows),
    )


def report(result: Result) -> None:
    """Prints the one JSON line that the suite reads.

    Faust's worker turns stdout into a log and leaves a spinner on its line: hence the real stdout and a new line.
    """
    assert sys.__stdout__ is not None, "the suite reads standard output"
    sys.__stdout__.write(f"\n{msgspec.json.encode(result).decode()}\n")
    sys.__stdout__.flush()
