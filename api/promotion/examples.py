"""Reads `examples` from where the gate left off, and brings the answers of both lanes to one vector together."""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from streams import log
from streams.codec import Undecodable
from streams.predictions import Example
from streams.topics import EXAMPLES

RECORDS_MAX = 100_000
"""Of one pass; the next one reads on."""

PATIENCE_NS = 60_000_000_000
"""How long, in event time, the inline lane's example waits for the heavy lane's."""

Offsets = dict[str, int]
"""The next offset by partition, as text, since it rests as JSON."""


class Batch(NamedTuple):
    """Examples in the order in which they were known, each symbol's in its own; where to read on."""

    examples: list[Example]
    offsets: Offsets


class Placed(NamedTuple):
    """An example and where it stood."""

    offset: int
    example: Example


async def read(
    consumer: AIOKafkaConsumer, model: str, offsets: Offsets, *, two_lanes: bool
) -> Batch:
    """The examples of a model from these offsets on. two_lanes: versions of the heavy lane are compared, too."""
    places = await log.partitions_of(consumer, [EXAMPLES.name])
    first = await consumer.beginning_offsets(places)
    starts = {place: max(offsets.get(str(place.partition), 0), first[place]) for place in places}
    found, ends = await _placed(consumer, model, starts)
    examples: list[Example] = []
    for place in places:
        partition, end = found[place], ends[place]
        if two_lanes:
            partition, end = joined(partition, end)
        examples += [placed.example for placed in partition if placed.example.lane == "inline"]
        ends[place] = end
    examples.sort(key=lambda example: example.known_at)
    return Batch(examples, {str(place.partition): end for place, end in ends.items()})


def joined(placed: list[Placed], end: int) -> tuple[list[Placed], int]:
    """The inline examples with the heavy lane's answers added, up to the first whose other half may yet come.

    placed: of one partition, by offset. end: where it was read to; the second result is where to read on. A heavy
    example that comes after its time is of no use any more.
    """
    heavy = {
        each.example.features_ref: each.example.outputs
        for each in placed
        if each.example.lane == "heavy"
    }
    newest = max((each.example.known_at for each in placed), default=0)
    whole: list[Placed] = []
    for each in placed:
        example = each.example
        if example.lane == "heavy":
            continue
        outputs = heavy.get(example.features_ref)
        if outputs is None and example.known_at > newest - PATIENCE_NS:
            return whole, each.offset
        both = (*example.outputs, *(outputs or ()))
        whole.append(Placed(each.offset, msgspec.structs.replace(example, outputs=both)))
    return whole, end


async def _placed(
    consumer: AIOKafkaConsumer, model: str, starts: dict[TopicPartition, int]
) -> tuple[dict[TopicPartition, list[Placed]], dict[TopicPartition, int]]:
    ends = dict(await consumer.end_offsets(list(starts)))
    most = RECORDS_MAX // len(ends)
    ends = {place: min(end, starts[place] + most) for place, end in ends.items()}
    found: dict[TopicPartition, list[Placed]] = {place: [] for place in starts}
    async for record in log.between(consumer, starts, ends):
        for example in _decoded(record, model):
            found[TopicPartition(record.topic, record.partition)].append(
                Placed(record.offset, example)
            )
    return found, {place: max(end, starts[place]) for place, end in ends.items()}


def _decoded(record: log.Record, model: str) -> Iterable[Example]:
    """Nothing for another model's, or for what cannot be read: the gate then sees a label less."""
    try:
        example: Example = EXAMPLES.decode(record.value or b"")
    except Undecodable:
        return ()
    return (example,) if example.model == model else ()
