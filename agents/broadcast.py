"""Reads the broadcast topics once for all cells of a worker; each cell applies them from its own position.

What leads to outputs, such as the kill switch, is applied at once. What seldom does, such as a mark, comes with the
cell's next chunk, just before it, or with the next flush: the same to every handler, and not worth a transaction.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from agents.group import Group
from agents.live import LiveCell
from streams.gather import Run
from streams.login import connection

POLL_MS = 500
FETCH_WAIT_MS = 10
"""As in the transport: `control` is quiet, and must not hold up the marks."""


class Broadcasts:
    """One consumer without a group over the broadcast inputs of these groups."""

    def __init__(self, brokers: str, groups: Sequence[Group]) -> None:
        self._brokers = brokers
        names = {
            source.topic.name for group in groups for source in group.inputs if source.broadcast
        }
        self.places = [TopicPartition(name, 0) for name in sorted(names)]
        self._consumer: AIOKafkaConsumer | None = None
        self._handing = asyncio.Lock()

    async def catch_up(self, cells: Sequence[LiveCell]) -> None:
        """Bring every cell to the present end of every broadcast topic, before it reads other inputs."""
        if not self.places or not cells:
            return
        consumer = await self._started()
        for cell in cells:
            cell.forget_deferred()
        for place in self.places:
            positions = [
                cell.cell.progress.next(place.topic) for cell in self._readers(place, cells)
            ]
            consumer.seek(place, min(positions, default=0))
        ends = await consumer.end_offsets(self.places)
        for place, end in ends.items():
            while await consumer.position(place) < end:
                await self._step(consumer, cells, place)
        await asyncio.gather(*(cell.flush() for cell in cells))

    async def step(self, cells: Sequence[LiveCell]) -> None:
        """Read what is new, or wait a while, and hand it to the cells."""
        if not self.places or not cells:
            await asyncio.sleep(POLL_MS / 1000)
            return
        await self._step(await self._started(), cells, *self.places)

    async def pause(self, reading: "asyncio.Task[None]") -> None:
        """Cancel a task that loops over `step`, between two hand-overs."""
        async with self._handing:
            reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)

    async def stop(self) -> None:
        """Close the consumer."""
        if self._consumer is not None:
            await self._consumer.stop()
            self._consumer = None

    async def _started(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            self._consumer = AIOKafkaConsumer(
                **connection(self._brokers),
                group_id=None,
                isolation_level="read_committed",
                auto_offset_reset="earliest",
                fetch_max_wait_ms=FETCH_WAIT_MS,
            )
            await self._consumer.start()
            self._consumer.assign(self.places)
        return self._consumer

    async def _step(
        self, consumer: AIOKafkaConsumer, cells: Sequence[LiveCell], *places: TopicPartition
    ) -> None:
        fetched: dict[TopicPartition, list[Any]]
        fetched = await consumer.getmany(*places, timeout_ms=POLL_MS)
        async with self._handing:
            for place, records in fetched.items():
                await self._hand((place.topic, records), self._readers(place, cells))

    async def _hand(self, run: Run, readers: list[LiveCell]) -> None:
        now = [cell for cell in readers if cell.cell.group.input(run[0]).at_once]
        for cell in readers:
            if cell not in now:
                cell.defer(run)
        await asyncio.gather(*(cell.run([run]) for cell in now))

    def _readers(self, place: TopicPartition, cells: Sequence[LiveCell]) -> list[LiveCell]:
        def reads(cell: LiveCell) -> bool:
            return any(source.topic.name == place.topic for source in cell.cell.group.inputs)

        return [cell for cell in cells if reads(cell)]
