"""What a proof reads of a log: the recorded order, inputs from some offset on, changelogs, and what was written."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol

from aiokafka import TopicPartition

from streams import log, topics
from streams.cursor import Cursor
from streams.log import Record


class Inputs(Protocol):
    """Records of some partitions, each in order."""

    async def take(self, place: TopicPartition, count: int, before: int) -> Sequence[Any]:
        """See `streams.cursor.Cursor`."""


class ProofLog(Protocol):
    """A log at which a proof looks; a live one, or one in memory."""

    def interleaving(self, partition: int | None = None) -> AsyncIterator[Record]:
        """The records on `interleaving`, of one partition or of all."""

    def inputs(self, starts: Mapping[TopicPartition, int]) -> AbstractAsyncContextManager[Inputs]:
        """Records from these offsets on. Raises LogTruncated."""

    def written(self, names: Iterable[str], since_ms: int | None = None) -> AsyncIterator[Record]:
        """All of these topics, at least up to what was committed when this is called. Raises TimeoutError.

        since_ms: what comes before the first record of that time or a later one may be left out.
        """


class KafkaLog:
    """The topics of a cluster, read with no group."""

    def __init__(self, brokers: str) -> None:
        self._brokers = brokers

    async def interleaving(self, partition: int | None = None) -> AsyncIterator[Record]:
        """See `ProofLog`."""
        async with log.reader(self._brokers) as consumer:
            found = await log.partitions_of(consumer, [topics.INTERLEAVING.name])
            places = [place for place in found if partition in (None, place.partition)]
            starts = dict(await consumer.beginning_offsets(places))
            async for record in log.between(consumer, starts):
                yield record

    @asynccontextmanager
    async def inputs(self, starts: Mapping[TopicPartition, int]) -> AsyncIterator[Cursor]:
        """See `ProofLog`."""
        async with log.reader(self._brokers) as consumer:
            cursor = Cursor(consumer, starts)
            await cursor.open()
            yield cursor

    async def written(
        self, names: Iterable[str], since_ms: int | None = None
    ) -> AsyncIterator[Record]:
        """See `ProofLog`."""
        async with log.reader(self._brokers) as consumer:
            places = await log.partitions_of(consumer, names)
            starts = dict(await consumer.beginning_offsets(places))
            ends = await log.settled_ends(self._brokers, places)
            if since_ms is not None:
                found = await consumer.offsets_for_times(dict.fromkeys(places, since_ms))
                starts = {p: at.offset if (at := found[p]) else ends[p] for p in places}
            async for record in log.between(consumer, starts, ends):
                yield record
