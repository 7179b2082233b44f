"""Reads partitions side by side, each as far as it is asked for: what a replay takes its inputs from."""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.log import POLL_MS

STALL_S = 30.0
"""What was committed and does not come within this time is held up by an open transaction, or is gone."""


class LogTruncated(Exception):
    """The log no longer holds what is asked for."""


class Cursor:
    """Committed records of some partitions in order. Holds at most what one fetch of each brought, and what was asked.

    starts: the first offset of each. Records are aiokafka's.
    """

    def __init__(self, consumer: AIOKafkaConsumer, starts: Mapping[TopicPartition, int]) -> None:
        self._consumer = consumer
        self._starts = dict(starts)
        self._buffers: dict[TopicPartition, deque[Any]] = {place: deque() for place in starts}

    async def open(self) -> None:
        """Raises LogTruncated where the log begins after a start."""
        begins = await self._consumer.beginning_offsets(list(self._starts))
        for place, start in sorted(self._starts.items()):
            if start < begins[place]:
                raise LogTruncated(
                    f"{place.topic}[{place.partition}] begins at offset {begins[place]}, "
                    f"offset {start} is needed: its retention has passed"
                )
        self._consumer.assign(list(self._starts))
        for place, start in self._starts.items():
            self._consumer.seek(place, start)

    async def take(self, place: TopicPartition, count: int, before: int) -> Sequence[Any]:
        """The next records of a partition, at most `count` of those below offset `before`; fewer: there are no more.

        Raises TimeoutError when none comes for `STALL_S`.
        """
        buffer = self._buffers[place]
        while len(buffer) < count and await self._consumer.position(place) < before:
            async with asyncio.timeout(STALL_S):
                buffer.extend(await self._fetch(place))
        taken = [record for record in islice(buffer, count) if record.offset < before]
        for _ in taken:
            buffer.popleft()
        return taken

    async def _fetch(self, place: TopicPartition) -> list[Any]:
        position = await self._consumer.position(place)
        while True:
            fetched = await self._consumer.getmany(place, timeout_ms=POLL_MS)
            records: list[Any] = fetched.get(place, [])
            if records or await self._consumer.position(place) > position:
                return records
