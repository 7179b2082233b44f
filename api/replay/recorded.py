"""Replays cells over their recorded inputs in the recorded order: every byte they write must be the live one."""

from collections.abc import AsyncIterator, Callable, Sequence

from aiokafka import TopicPartition

from agents.fold import Cell, Chunk
from agents.group import Group
from api.replay.hashes import Hashes, Stream, Written
from api.replay.logs import Inputs, ProofLog
from api.replay.stretch import CellName, Stretch, Stretches, Unverifiable
from streams import topics
from streams.gather import Run
from streams.interleaving import Interleaving

Progress = Callable[[CellName, int], None]
"""Told the inputs that a cell has applied."""


async def replay(
    log: ProofLog,
    groups: Sequence[Group],
    partitions: int,
    stretches: Stretches,
    into: Hashes,
    progress: Progress = lambda _name, _step: None,
) -> None:
    """Replay every cell's stretch and hash what it writes.

    Raises Unverifiable where records are missing, LogTruncated, HandlerFailed.
    """
    by_name = {group.name: group for group in groups}
    for name, stretch in sorted(stretches.items()):
        group = by_name.get(name.group)
        if group is None:
            raise Unverifiable(
                f"cell {name} was run by a group that these routes lack; see --strategy"
            )
        cell = Cell(group, name.partition, partitions)
        if stretch.first:
            await _restore(log, cell, stretch.first)
        await _replay(log, cell, name, stretch, into, progress)


async def _restore(log: ProofLog, cell: Cell, step: int) -> None:
    """The tables as they were when so many inputs had been applied."""
    changelog = cell.group.changelog.name
    async for record in log.written([changelog]):
        if record.partition == cell.partition and cell.progress.step < step:
            cell.restore(record.key or b"", record.value)
    if cell.progress.step != step:
        raise Unverifiable(
            f"{changelog}[{cell.partition}] no longer holds the state at step {step}: it was compacted"
        )


async def _replay(
    log: ProofLog, cell: Cell, name: CellName, stretch: Stretch, into: Hashes, progress: Progress
) -> None:
    places = {
        source.topic.name: TopicPartition(
            source.topic.name, 0 if source.broadcast else cell.partition
        )
        for source in cell.group.inputs
    }
    starts = {places[topic]: taken.first for topic, taken in stretch.inputs.items()}
    async with log.inputs(starts) as inputs:
        async for recorded in _chunks(log, name, stretch):
            runs = await _runs(inputs, recorded, places)
            cell.progress.epoch = recorded.epoch
            chunk = cell.apply(runs)
            cell.seal(chunk)
            cell.publish()
            _hash(cell, name, chunk, into)
            progress(name, cell.progress.step)


async def _chunks(log: ProofLog, name: CellName, stretch: Stretch) -> AsyncIterator[Interleaving]:
    async for record in log.interleaving(name.partition):
        if record.key != name.group.encode():
            continue
        chunk: Interleaving = topics.INTERLEAVING.decode(record.value or b"")
        if stretch.covers(chunk.end):
            yield chunk


async def _runs(
    inputs: Inputs, recorded: Interleaving, places: dict[str, TopicPartition]
) -> list[Run]:
    """The records of a chunk; Unverifiable where the log holds fewer than were applied, or others."""
    spans = {taken.topic: taken for taken in recorded.inputs}
    runs: list[Run] = []
    for topic, count in recorded.order():
        records = await inputs.take(places[topic], count, spans[topic].next)
        if len(records) != count:
            raise Unverifiable(
                f"{topic}[{places[topic].partition}] holds {len(records)} records where {count} were "
                f"applied, before offset {spans[topic].next}: the topic was compacted or changed"
            )
        runs.append((topic, records))
    return runs


def _hash(cell: Cell, name: CellName, chunk: Chunk, into: Hashes) -> None:
    for sent in chunk.outputs:
        stream = Stream(name, sent.topic, sent.partition)
        into.add(stream, Written(sent.key, sent.value, sent.timestamp_ms, sent.stamp))
    changelog = Stream(name, cell.group.changelog.name, cell.partition)
    through, moment = chunk.through, chunk.progress.clock_ns // 1_000_000
    for key, value in chunk.changes:
        into.add(changelog, Written(key, value, moment, through))
