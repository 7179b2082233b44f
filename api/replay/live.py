"""Reads what the cells of a live run wrote, each record with the cell that wrote it and hashed as a replay's is."""

import asyncio
from collections.abc import Iterator, Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition

from agents.fold import PROGRESS_KEY, Progress
from agents.group import Group
from api.replay.hashes import Hashes, Stream, Written
from api.replay.stretch import CellName, Stretches, Unverifiable
from streams import codec, log, topics
from streams.log import Record

STALL_S = 20.0
"""A transaction that holds up a reader for longer is hanging."""


async def read(brokers: str, groups: Sequence[Group], stretches: Stretches, into: Hashes) -> None:
    """Hash all outputs and changelogs of the stretches. Raises Unverifiable when a transaction hangs."""
    attribution = Attribution(groups, stretches)
    async with log.reader(brokers) as consumer, log.reader(brokers, "read_uncommitted") as written:
        places = await log.partitions_of(consumer, attribution.topics)
        # The high watermark: what the stretches' transactions wrote lies below it, even where one yet open does too.
        ends = dict(await written.end_offsets(places))
        starts = dict(await consumer.beginning_offsets(places))
        await _until_stable(consumer, ends)
        async for record in log.between(consumer, starts, ends):
            for stream, found in attribution.of(record):
                into.add(stream, found)


async def _until_stable(consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int]) -> None:
    try:
        async with asyncio.timeout(STALL_S):
            while any(  # noqa: ASYNC110  nothing to wait for
                stable < ends[place]
                for place, stable in (await consumer.end_offsets(list(ends))).items()
            ):
                await asyncio.sleep(0.05)
    except TimeoutError as error:
        raise Unverifiable(f"a transaction has been open for {STALL_S:.0f} s") from error


class Attribution:
    """Finds the cell that wrote a record, and passes on those within its stretch."""

    def __init__(self, groups: Sequence[Group], stretches: Stretches) -> None:
        self._stretches = stretches
        self._writers = {
            (source.topic.name, topic.name): group.name
            for group in groups
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
        return self._writers.get((cause, record.topic), "")
