"""The one line that every contender prints, and what it was given."""

import os
import sys
from collections.abc import Iterable
from typing import NamedTuple

import msgspec


class Task(NamedTuple):
    """What a contender is asked to do. topic: the quotes, or the quotes and the trades with a comma between."""

    broker: str
    topic: str
    events: int

    @property
    def topics(self) -> list[str]:
        """The topics to read."""
        return self.topic.split(",")


class Digest(msgspec.Struct, frozen=True):
    """A fold of the final state: contenders that did the same work print the same one. sizes: None = it keeps none."""

    keys: int
    mids: float
    count: int
    sizes: int | None = None

    def agrees(self, other: "Digest") -> bool:
        """Whether everything that both keep is equal."""
        mine, theirs = (self.keys, self.mids, self.count), (other.keys, other.mids, other.count)
        return mine == theirs and (None in (self.sizes, other.sizes) or self.sizes == other.sizes)


class Result(msgspec.Struct, frozen=True):
    """events: how many were read; seconds: from the first fetched record to the last.

    outputs, transactions: of the engine, whose clock stops when the last one is committed.
    """

    events: int
    seconds: float
    state: Digest | None = None
    outputs: int = 0
    transactions: int = 0


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
