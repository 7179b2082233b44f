"""One cell driven over dicts: the fold without the log, and its changelog as compaction would leave it."""

from collections.abc import Mapping, Sequence
from typing import Any

from agents.fold import Cell, Chunk, Record, Sent
from agents.group import Group
from streams import topics
from streams.gather import Run
from tests.transport.demo import DEMO, DemoTables, Sum


class DictRun:
    """A cell of the demo group, or of another."""

    def __init__(self, group: Group = DEMO, partition: int = 0, partitions: int = 1) -> None:
        self.cell = Cell(group, partition, partitions)
        self.outputs: list[Sent] = []
        self.changelog: dict[bytes, bytes | None] = {}

    def apply(self, topic: topics.Topic, records: Sequence[Record], most: int = 5000) -> Chunk:
        """Fold and commit records of one topic in chunks of at most `most`; the last chunk."""
        for start in range(0, len(records), most):
            chunk = self.commit([(topic.name, records[start : start + most])])
        return chunk

    def commit(self, runs: Sequence[Run]) -> Chunk:
        """Fold and commit one chunk."""
        chunk = self.cell.apply(runs)
        self.cell.seal(chunk)
        self.outputs += chunk.outputs
        self.changelog |= dict(chunk.changes)
        self.cell.publish()
        return chunk

    def restored(self) -> Cell:
        """A new cell, from the changelog alone."""
        cell = Cell(self.cell.group, self.cell.partition, self.cell.partitions)
        for key, value in self.changelog.items():
            cell.restore(key, value)
        return cell


def sums(cell: Cell) -> Mapping[str, Sum]:
    """The committed rows of a demo cell."""
    tables: Any = cell.tables
    assert isinstance(tables, DemoTables)
    return tables.sums.committed
