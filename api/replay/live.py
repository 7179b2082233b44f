"""Reads what the cells of a live run wrote, each record with the cell that wrote it and hashed as a replay's is."""

from collections.abc import Iterator, Sequence

from agents.fold import PROGRESS_KEY, Progress
from agents.group import Group
from api.replay.hashes import Hashes, Stream, Written
from api.replay.logs import ProofLog
from api.replay.stretch import CellName, Stretches, Unverifiable
from streams import codec, topics
from streams.log import Record

HEAVY_LANE = b'"lane":"heavy"'
"""In what the learner writes that is a worker of its own, to the topics of the other one."""


async def read(log: ProofLog, groups: Sequence[Group], stretches: Stretches, into: Hashes) -> None:
    """Hash all outputs and changelogs of the stretches. Raises Unverifiable when a transaction hangs."""
    attribution = Attribution(groups, stretches)
    try:
        async for record in log.written(attribution.topics):
            for stream, found in attribution.of(record):
                into.add(stream, found)
    except TimeoutError as error:
        raise Unverifiable("a transaction has been open for too long") from error


class Attribution:
    """Finds the cell that wrote a record, and passes on those within its stretch."""

    def __init__(self, groups: Sequence[Group], stretches: Stretches) -> None:
        self._stretches = stretches
        self._writers = {
            (source.topic.name, topic.name): group.name
            for group in groups
            if group.name != "learner-heavy"
            for source in group.inputs
            for topic in source.outputs
        }
        self._states = {group.changelog.name: group.name for group in groups}
        self._open: dict[Stream, list[Written]] = {}
        outputs = {topic for _, topic in self._writers} | {topics.DEAD_LETTERS.name}
        self.topics = sorted(outputs | self._states.keys())

    def of(self, record: Record) -> Iterator[tuple[Stream, Written]]:
        """The record, once it is known to belong; of a changelog, the chunk that it closes."""
        headers = dict(record.headers)
        group = self._states.get(record.topic)
        if group is not None:
            yield from self._change(group, record, headers.get("through", b""))
        elif "stamp" in headers:
            yield from self._output(record, headers["stamp"])

    def _change(
        self, group: str, record: Record, through: bytes
    ) -> Iterator[tuple[Stream, Written]]:
        stream = Stream(CellName(group, record.partition), record.topic, record.partition)
        chunk = self._open.setdefault(stream, [])
        chunk.append(Written(record.key, record.value, record.timestamp_ms, through))
        if record.key != PROGRESS_KEY:
            return
        self._open[stream] = []
        stretch = self._stretches.get(stream.cell)
        step = codec.json_decoder(Progress)(record.value or b"").step
        if stretch is not None and stretch.covers(step):
            yield from ((stream, each) for each in chunk)

    def _output(self, record: Record, stamp: bytes) -> Iterator[tuple[Stream, Written]]:
        cause, *numbers = stamp.decode().split(":")
        partition, _offset, step, _place, _of, _epoch, *cell = map(int, numbers)
        group = self._group(record, cause)
        name = CellName(group, cell[0] if cell else partition)
        stretch = self._stretches.get(name)
        if stretch is not None and stretch.covers(step):
            stream = Stream(name, record.topic, record.partition)
            yield stream, Written(record.key, record.value, record.timestamp_ms, stamp)

    def _group(self, record: Record, cause: str) -> str:
        if record.topic == topics.DEAD_LETTERS.name:
            return str(topics.DEAD_LETTERS.decode(record.value or b"").group)
        if HEAVY_LANE in (record.value or b""):
            return "learner-heavy"
        return self._writers.get((cause, record.topic), "")
