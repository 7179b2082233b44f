"""Group commit: what the cells hand in while a transaction is under way goes into the next one together."""

import asyncio
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import NamedTuple, Protocol

from aiokafka import TopicPartition

from streams.transaction import Write


class Commit(Protocol):
    """What makes writes and offsets true together."""

    async def commit(self, writes: Sequence[Write], offsets: Mapping[TopicPartition, int]) -> None:
        """Returns when they are."""


class _Part(NamedTuple):
    writes: Sequence[Write]
    offsets: Mapping[TopicPartition, int]
    done: asyncio.Future[None]


class Commits:
    """One transaction at a time, for all who wait."""

    def __init__(self, log: Commit) -> None:
        self._log = log
        self._waiting: list[_Part] = []
        self._working: asyncio.Task[None] | None = None

    async def commit(self, writes: Sequence[Write], offsets: Mapping[TopicPartition, int]) -> None:
        """Returns when the transaction that these are part of has committed. Raises what it raises."""
        part = _Part(writes, offsets, asyncio.get_running_loop().create_future())
        self._waiting.append(part)
        if self._working is None:
            self._working = asyncio.create_task(self._work())
        await part.done

    async def _work(self) -> None:
        while self._waiting:
            parts, self._waiting = self._waiting, []
            try:
                await self._log.commit(
                    list(chain.from_iterable(part.writes for part in parts)),
                    {place: at for part in parts for place, at in part.offsets.items()},
                )
            except BaseException as error:  # noqa: BLE001  each waits for its own answer
                for part in parts:
                    if not part.done.done():
                        part.done.set_exception(error)
                continue
            for part in parts:
                if not part.done.done():
                    part.done.set_result(None)
            await asyncio.sleep(0)  # who waited acts first, and may have more
        self._working = None
