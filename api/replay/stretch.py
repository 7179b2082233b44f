"""Which chunks of which cells a range of event time covers, told by the topic `interleaving`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from api.replay.logs import ProofLog
from streams import topics
from streams.interleaving import Interleaving, Taken


class CellName(NamedTuple):
    """One cell: a group's partition."""

    group: str
    partition: int

    def __str__(self) -> str:
        return f"{self.group}-{self.partition}"


class Unverifiable(Exception):
    """The log does not hold what a proof needs; neither a pass nor a failure."""


@dataclass
class Stretch:
    """Consecutive chunks of one cell. first, last: inputs it had applied before and after; inputs: what was read."""

    first: int
    last: int
    chunks: int = 0
    inputs: dict[str, Taken] = field(default_factory=dict)

    def covers(self, step: int) -> bool:
        """Whether the input that was applied as number `step`, from 1, is in it."""
        return self.first < step <= self.last

    def add(self, chunk: Interleaving) -> None:
        """Take in the next chunk."""
        self.last = chunk.end
        self.chunks += 1
        for taken in chunk.inputs:
            before = self.inputs.get(taken.topic, taken)
            records = taken.records + (0 if before is taken else before.records)
            self.inputs[taken.topic] = Taken(taken.topic, before.first, taken.next, records)


Stretches = Mapping[CellName, Stretch]


async def find(
    log: ProofLog, since_ms: int | None = None, until_ms: int | None = None
) -> Stretches:
    """The chunks whose cell's clock was in [since, until) at their end, by cell; None: without that bound.

    Raises Unverifiable when a chunk among them is not on record.
    """
    found: dict[CellName, Stretch] = {}
    reached: dict[CellName, int] = {}
    async for record in log.interleaving():
        name = CellName((record.key or b"").decode(), record.partition)
        chunk: Interleaving = topics.INTERLEAVING.decode(record.value or b"")
        if reached.get(name, chunk.step) != chunk.step:
            raise Unverifiable(
                f"cell {name} went on from step {chunk.step}, "
                f"the chunks on record end at {reached[name]}"
            )
        reached[name] = chunk.end
        if _within(record.timestamp_ms, since_ms, until_ms):
            found.setdefault(name, Stretch(chunk.step, chunk.step)).add(chunk)
    return found


def _within(moment_ms: int, since_ms: int | None, until_ms: int | None) -> bool:
    return (since_ms is None or moment_ms >= since_ms) and (
        until_ms is None or moment_ms < until_ms
    )
