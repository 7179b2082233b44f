"""The whole system over a log of dicts, in lockstep's order: what a run on a broker must equal to the last byte."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from agents.fold import Cell, Chunk
from agents.group import Group
from agents.lockstep import ORDER
from api.verify.history import History
from streams.gather import Gather, Place
from streams.log import Record
from streams.partition import partition_of
from streams.topics import BY_NAME
from tests.faults.cluster import Put, as_fetched


class DictSystem:
    """Cells of all groups, and the log that they read and write; a commit leaves a marker where it wrote."""

    def __init__(self, groups: Sequence[Group], partitions: int, most: int) -> None:
        self._partitions = partitions
        self._most = most
        self._log: dict[Place, list[Record]] = defaultdict(list)
        self._ends: dict[Place, int] = defaultdict(int)
        cells = [Cell(g, partition, partitions) for g in groups for partition in range(partitions)]
        cells.sort(key=lambda cell: (cell.group.name, cell.partition))
        for cell in cells:
            cell.progress.epoch = 1
        self._turns = [
            (cell, places)
            for step in ORDER
            for cell in cells
            if (places := [*_places(cell, [topic.name for topic in step])])
        ]

    def put(self, records: Iterable[Put]) -> None:
        """What a foreign producer writes in one transaction."""
        written: set[Place] = set()
        for topic, key, value, moment in records:
            partition = partition_of(key, BY_NAME[topic].partitions(self._partitions))
            assert moment is not None
            place = Place(topic, partition)
            self._append(place, moment, key.encode(), value, ())
            written.add(place)
        self._mark(written)

    def run(self) -> None:
        """Apply everything, and what comes of it."""
        while (turn := next(self._due(), None)) is not None:
            cell, gather = turn
            while runs := gather.chunk(cell, lambda _: True, 0.0):
                self._commit(cell, cell.apply(runs))

    def history(self) -> History:
        """The whole log."""
        found: dict[str, list[Record]] = defaultdict(list)
        for place in sorted(self._log):
            found[place.topic] += self._log[place]
        return History(found)

    def _due(self) -> Iterator[tuple[Cell, Gather]]:
        for cell, places in self._turns:
            pending = {place: self._pending(cell, place) for place in places}
            if any(pending.values()):
                gather = Gather(self._most)
                gather.assign({cell: places})
                for place, records in pending.items():
                    gather.add(cell, place, [as_fetched(record) for record in records])
                yield cell, gather

    def _pending(self, cell: Cell, place: Place) -> list[Record]:
        records, first = self._log[place], cell.progress.next(place.topic)
        if not records or records[-1].offset < first:
            return []
        return [record for record in records if record.offset >= first]

    def _commit(self, cell: Cell, chunk: Chunk) -> None:
        cell.seal(chunk)
        cell.publish()
        written: set[Place] = set()
        for sent in chunk.outputs:
            place = Place(sent.topic, sent.partition)
            stamp = (("stamp", sent.stamp),)
            self._append(place, sent.timestamp_ms, sent.key, sent.value, stamp)
            written.add(place)
        moment = chunk.progress.clock_ns // 1_000_000
        place = Place(cell.group.changelog.name, cell.partition)
        for key, value in chunk.changes:
            self._append(place, moment, key, value, (("through", chunk.through),))
        order = cell.recorded(chunk)
        kept = Place(order.topic, order.partition)
        self._append(kept, order.timestamp_ms, order.key, order.value, ())
        self._mark({*written, place, kept})

    def _mark(self, written: Iterable[Place]) -> None:
        """The marker of a commit takes an offset of each partition that the transaction wrote to."""
        for place in written:
            self._ends[place] += 1

    def _append(
        self,
        place: Place,
        moment: int,
        key: bytes,
        value: bytes | None,
        headers: tuple[tuple[str, bytes], ...],
    ) -> None:
        offset = self._ends[place]
        self._ends[place] = offset + 1
        self._log[place].append(Record(*place, offset, moment, key, value, headers))


def _places(cell: Cell, names: list[str]) -> Iterator[Place]:
    inputs = {source.topic.name: source for source in cell.group.inputs}
    for name in names:
        if name in inputs:
            yield Place(name, 0 if inputs[name].broadcast else cell.partition)
