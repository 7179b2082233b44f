"""The order in which a cell applied its inputs, one record a chunk: with it a replay is the live run once more.

Topics have no common order, so which quote came before which order is a fact of the run and of nothing else. It is
written in the chunk's own transaction, to `interleaving`, in the cell's partition, under its group's name.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import msgspec


class Taken(NamedTuple):
    """The committed records of one topic that a chunk applied: their offsets lie in [first, next)."""

    topic: str
    first: int
    next: int
    records: int


class Interleaving(msgspec.Struct, frozen=True, array_like=True):
    """One chunk of one cell.

    step: inputs that the cell had applied before; epoch: of the chunk. runs: pairs (place in `inputs`, records), flat:
    so many records of that input were applied, then so many of the next pair's.
    """

    step: int
    epoch: int
    inputs: tuple[Taken, ...]
    runs: tuple[int, ...]

    @property
    def end(self) -> int:
        """Inputs that the cell had applied after the chunk."""
        return self.step + sum(taken.records for taken in self.inputs)

    def order(self) -> Iterator[tuple[str, int]]:
        """Topic and number of records of each run."""
        for place, records in zip(self.runs[::2], self.runs[1::2], strict=True):
            yield self.inputs[place].topic, records


def of(step: int, epoch: int, runs: Sequence[tuple[str, Sequence[Any]]]) -> Interleaving:
    """What a chunk of these runs leaves on record. Every run has records, which have offsets."""
    inputs: dict[str, Taken] = {}
    flat: list[int] = []
    for topic, of_topic in groupby(runs, key=lambda run: run[0]):
        count = 0
        for _, records in of_topic:
            first, before = records[0].offset, inputs.get(topic)
            known = Taken(topic, first, 0, 0) if before is None else before
            inputs[topic] = known._replace(
                next=records[-1].offset + 1, records=known.records + len(records)
            )
            count += len(records)
        flat += [list(inputs).index(topic), count]
    return Interleaving(step, epoch, tuple(inputs.values()), tuple(flat))
