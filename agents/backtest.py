"""The routes over dicts in event time: each source record, and all that comes of it, is done before the next one.

So nothing depends on how the source is cut into chunks, and no handler is ever given a record that is later than what
it decides on: those have not been made yet, or wait in a reader that no handler can reach.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

import msgspec

from agents.fold import Cell, Walk
from agents.group import Group, Input
from agents.handler import LogRecord, Record
from agents.lockstep import ORDER
from agents.outbox import Sent

SEAL_RECORDS = 5_000
"""So many source records make one chunk: what its tables have changed is then published."""


class Source(NamedTuple):
    """One record of a source: where it stands, and the record."""

    topic: str
    partition: int
    record: Record


class CellState(msgspec.Struct):
    """One cell between two chunks: its changelog as compaction would leave it, and its progress."""

    step: int
    clock_ms: int
    rows: dict[str, bytes]


class State(msgspec.Struct):
    """A backtest between two chunks. offsets: the next one of each partition that it writes."""

    cells: dict[str, CellState] = {}
    offsets: dict[str, int] = {}
    sources: int = 0


Seen = Callable[[Cell, Sent, int], None]
"""Told each output with its cell and offset."""


class _Station:
    """A cell and its open chunk."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.name = f"{cell.group.name}-{cell.partition}"
        self.rows: dict[bytes, bytes] = {}
        cell.progress.epoch = 1
        self.walk = Walk(cell, {})

    def seal(self) -> None:
        """End the open chunk and begin the next one."""
        for table in self.cell.tables.all():
            for key, value in table.seal():
                if value is None:
                    self.rows.pop(key, None)
                else:
                    self.rows[key] = value
            table.publish()

    def state(self) -> CellState:
        rows = {key.decode(): value for key, value in self.rows.items()}
        return CellState(self.walk.step, self.walk.clock_ms, rows)

    def restore(self, state: CellState) -> None:
        for key, value in state.rows.items():
            self.rows[key.encode()] = value
            self.cell.restore(key.encode(), value)
        self.walk.step, self.walk.clock_ms = state.step, state.clock_ms


Reader = tuple[_Station, Input]


class Backtest:
    """All cells of a system with so many partitions. seen: told each output; seal: source records of a chunk."""

    def __init__(
        self, groups: Sequence[Group], partitions: int, seen: Seen, seal: int = SEAL_RECORDS
    ) -> None:
        cells = [Cell(g, partition, partitions) for g in groups for partition in range(partitions)]
        cells.sort(key=lambda cell: (cell.group.name, cell.partition))
        self._stations = [_Station(cell) for cell in cells]
        self._seen = seen
        self._seal = seal
        self._readers = self._read_by()
        ranked = [topic.name for step in ORDER for topic in step]
        self._pending: dict[str, dict[int, deque[Record]]] = {name: {} for name in ranked}
        self._waiting = 0
        self._offsets: dict[tuple[str, int], int] = defaultdict(int)
        self.sources = 0

    @property
    def clock_ms(self) -> int:
        """The event time that has been reached."""
        return max(station.walk.clock_ms for station in self._stations)

    def run(self, source: Iterable[Source]) -> None:
        """Apply records in this order. Raises HandlerFailed."""
        for (topic, partition), some in groupby(source, key=itemgetter(0, 1)):
            records = [each.record for each in some]
            readers = self._readers.get((topic, partition), [])
            messages = None
            if len(readers) == 1 and readers[0][1].clock_ms is None:
                messages = readers[0][1].topic.decode_all(records)
            if messages is None:
                self._each(topic, partition, records)
            else:
                self._stretch(readers[0], records, messages)

    def _each(self, topic: str, partition: int, records: Sequence[Record]) -> None:
        for record in records:
            self._deliver(topic, partition, (record,))
            self._applied(1)

    def _stretch(self, reader: Reader, records: Sequence[Record], messages: list[Any]) -> None:
        """Records of one cell: what leads to nothing is passed without a stop, since nothing could come between."""
        (station, source), place = reader, 0
        while place < len(records):
            left = self._seal - self.sources % self._seal
            span = range(place, min(len(records), place + left))
            after = station.walk.to_output(source, records, messages, span)
            self._send(station)
            self._applied(after - place)
            place = after

    def _applied(self, count: int) -> None:
        """So many more source records are done, but for what came of the last."""
        if self._waiting:
            self._settle()
        self.sources += count
        if self.sources % self._seal == 0:
            self.seal()

    def seal(self) -> None:
        """End the chunk of every cell: `state` then has all."""
        for station in self._stations:
            station.seal()

    def state(self) -> State:
        """What to go on from later. Call after `seal`."""
        offsets = {f"{topic}:{p}": offset for (topic, p), offset in sorted(self._offsets.items())}
        cells = {station.name: station.state() for station in self._stations}
        return State(cells, offsets, self.sources)

    def restore(self, state: State) -> None:
        """Go on from a state, in a new backtest of the same groups."""
        for station in self._stations:
            if station.name in state.cells:
                station.restore(state.cells[station.name])
        for place, offset in state.offsets.items():
            topic, _, partition = place.rpartition(":")
            self._offsets[topic, int(partition)] = offset
        self.sources = state.sources

    def begin(self, offsets: Mapping[tuple[str, int], int]) -> None:
        """What it writes to these partitions stands behind what the source has of them."""
        for place, offset in offsets.items():
            self._offsets[place] = max(self._offsets[place], offset)

    def _read_by(self) -> dict[tuple[str, int], list[Reader]]:
        readers: dict[tuple[str, int], list[Reader]] = defaultdict(list)
        for station in self._stations:
            for source in station.cell.group.inputs:
                partition = 0 if source.broadcast else station.cell.partition
                readers[source.topic.name, partition].append((station, source))
        return dict(readers)

    def _settle(self) -> None:
        """All that came of a record, what is furthest from the ticks first; one cell's records of a topic at a time."""
        while self._waiting:
            topic, partition, records = next(self._due())
            self._waiting -= 1
            self._deliver(topic, partition, records)

    def _due(self) -> Iterator[tuple[str, int, Sequence[Record]]]:
        for topic, partitions in self._pending.items():
            if partitions:
                partition = min(partitions)
                yield topic, partition, list(partitions.pop(partition))

    def _deliver(self, topic: str, partition: int, records: Sequence[Record]) -> None:
        for station, source in self._readers.get((topic, partition), ()):
            station.walk.over(source, records)
            self._send(station)

    def _send(self, station: _Station) -> None:
        outbox = station.walk.outbox
        if outbox.sent:
            sent, outbox.sent = outbox.sent, []
            for each in sent:
                self._take(station.cell, each)

    def _take(self, cell: Cell, sent: Sent) -> None:
        place = sent.topic, sent.partition
        offset = self._offsets[place]
        self._offsets[place] = offset + 1
        self._seen(cell, sent, offset)
        if place not in self._readers:
            return
        headers = (("stamp", sent.stamp),)
        record = LogRecord(offset, sent.timestamp_ms, sent.key, sent.value, headers)
        partitions = self._pending[sent.topic]
        waiting = partitions.get(sent.partition)
        if waiting is None:
            waiting = partitions[sent.partition] = deque()
            self._waiting += 1
        waiting.append(record)
