"""A log in memory for proofs: what a run over dicts has left, or what somebody has made of it."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import TopicPartition

from api.verify.history import History
from streams import topics
from streams.cursor import LogTruncated
from streams.log import Record
from tests.faults.cluster import as_fetched


class MemoryInputs:
    """Positions in lists."""

    def __init__(self, history: History, starts: Mapping[TopicPartition, int]) -> None:
        self._left = {
            place: [
                as_fetched(record)
                for record in history.of(place.topic)
                if record.partition == place.partition and record.offset >= start
            ]
            for place, start in starts.items()
        }

    async def take(self, place: TopicPartition, count: int, before: int) -> Sequence[Any]:
        """As a cursor does."""
        taken = [record for record in self._left[place][:count] if record.offset < before]
        del self._left[place][: len(taken)]
        return taken


class MemoryLog:
    """A history as a log."""

    def __init__(self, history: History) -> None:
        self.history = history

    async def interleaving(self, partition: int | None = None) -> AsyncIterator[Record]:
        """See `ProofLog`."""
        for record in self.history.of(topics.INTERLEAVING.name):
            if partition in (None, record.partition):
                yield record

    @asynccontextmanager
    async def inputs(self, starts: Mapping[TopicPartition, int]) -> AsyncIterator[MemoryInputs]:
        """See `ProofLog`."""
        for place, start in starts.items():
            begin = self.history.begins.get((place.topic, place.partition), 0)
            if start < begin:
                raise LogTruncated(f"{place.topic} begins at offset {begin}, {start} is needed")
        yield MemoryInputs(self.history, starts)

    async def written(
        self, names: Iterable[str], since_ms: int | None = None
    ) -> AsyncIterator[Record]:
        """See `ProofLog`."""
        for name in names:
            for record in self.history.of(name):
                yield record
