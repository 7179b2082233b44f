"""Cuts the history of a running system where it is consistent: no cell has applied what none had written yet."""

from bisect import bisect_left
from collections import defaultdict
from typing import NamedTuple

from api.verify.history import GROUP_OF, STATES, History, writer
from streams import topics
from streams.interleaving import Interleaving
from streams.log import Record

Cell = tuple[str, int]
PROGRESS = b"progress|"


class Origin(NamedTuple):
    """Where an output stands, and the step of the cell that wrote it."""

    offset: int
    cell: Cell
    step: int


def cut(found: History) -> History:
    """The history up to the latest consistent cut; all of it when the system was at rest.

    Each cell keeps so many of its first chunks that each output which a cell has applied is kept by its writer.
    """
    chunks = _chunks(found)
    origins = _origins(found)
    steps = {cell: of_cell[-1].end for cell, of_cell in chunks.items()}
    while True:
        after = {cell: _end(cell, chunks[cell], steps, origins) for cell in chunks}
        if after == steps:
            break
        steps = after
    return History(
        {topic: _trimmed(topic, records, steps) for topic, records in found.records.items()},
        found.begins,
    )


def _chunks(found: History) -> dict[Cell, list[Interleaving]]:
    chunks: dict[Cell, list[Interleaving]] = defaultdict(list)
    for record in found.of(topics.INTERLEAVING.name):
        cell = (record.key or b"").decode(), record.partition
        chunks[cell].append(topics.INTERLEAVING.decode(record.value or b""))
    return dict(chunks)


def _origins(found: History) -> dict[tuple[str, int], list[Origin]]:
    """The outputs of each topic partition, in order."""
    origins: dict[tuple[str, int], list[Origin]] = defaultdict(list)
    for topic in (*GROUP_OF, topics.ORDERS.name):
        for record in found.of(topic):
            written = writer(record)
            if written is not None:
                group, stamp = written
                origin = Origin(record.offset, (group, stamp.cell), stamp.step)
                origins[topic, record.partition].append(origin)
    return origins


def _end(
    cell: Cell,
    chunks: list[Interleaving],
    steps: dict[Cell, int],
    origins: dict[tuple[str, int], list[Origin]],
) -> int:
    """The last step of a cell before its first chunk that has applied an output which its writer does not keep."""
    for chunk in chunks:
        if chunk.end > steps[cell] or _is_early(cell, chunk, steps, origins):
            return chunk.step
    return steps[cell]


def _is_early(
    cell: Cell,
    chunk: Interleaving,
    steps: dict[Cell, int],
    origins: dict[tuple[str, int], list[Origin]],
) -> bool:
    for taken in chunk.inputs:
        broadcast = topics.BY_NAME[taken.topic].copartition == "broadcast"
        outputs = origins.get((taken.topic, 0 if broadcast else cell[1]), [])
        place = bisect_left(outputs, (taken.first,))
        while place < len(outputs) and outputs[place].offset < taken.next:
            if outputs[place].step > steps.get(outputs[place].cell, 0):
                return True
            place += 1
    return False


def _trimmed(topic: str, records: list[Record], steps: dict[Cell, int]) -> list[Record]:
    if topic in STATES:
        return _whole_chunks(records, topic.removesuffix("-state"), steps)
    if topic == topics.INTERLEAVING.name:
        return [r for r in records if _chunk_end(r) <= steps[(r.key or b"").decode(), r.partition]]
    kept = []
    for record in records:
        written = writer(record) if topic in (*GROUP_OF, "orders", "dead.letters") else None
        if written is None or written[1].step <= steps.get((written[0], written[1].cell), 0):
            kept.append(record)
    return kept


def _chunk_end(record: Record) -> int:
    return int(topics.INTERLEAVING.decode(record.value or b"").end)


def _whole_chunks(records: list[Record], group: str, steps: dict[Cell, int]) -> list[Record]:
    """The records of a changelog up to the last progress row of each partition that lies within the cut."""
    kept: list[Record] = []
    chunk: list[Record] = []
    for record in records:
        chunk.append(record)
        if record.key == PROGRESS:
            found = History({f"{group}-state": [record]})
            row = found.progress[f"{group}-state", record.partition]
            if row["step"] <= steps.get((group, record.partition), 0):
                kept += chunk
            chunk = []
    return kept
