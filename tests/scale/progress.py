"""The committed offsets of a group over time: how fast it works, and how long a partition stood still."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from typing import NamedTuple

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from streams import admin, log
from tests.support.beside import beside

LOOK_S = 0.1


class Look(NamedTuple):
    """When, and what was committed."""

    moment: float
    offsets: dict[TopicPartition, int]

    @property
    def total(self) -> int:
        return sum(self.offsets.values())


class Progress:
    """Looks at one group ten times a second. topics: whose offsets count."""

    def __init__(self, brokers: str, app: str, topics: tuple[str, ...]) -> None:
        self.looks: list[Look] = []
        self._brokers, self._app, self._topics = brokers, app, topics

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Look while the body runs."""
        with beside(lambda over: asyncio.run(self._watch(over))):
            yield

    async def _watch(self, over: Event) -> None:
        async with admin.client(self._brokers) as client:
            node = await log.coordinator(client, self._app)
            while not over.is_set():
                try:
                    found = await log.group_offsets(client, self._app, node)
                except KafkaError:  # a group that is being made
                    found = {}
                offsets = {p: o for p, o in found.items() if p.topic in self._topics}
                self.looks.append(Look(time.monotonic(), offsets))
                await asyncio.sleep(LOOK_S)

    def until_total(self, total: int, deadline_s: float) -> None:
        """Wait until so many offsets are committed."""
        end = time.monotonic() + deadline_s
        while not self.looks or self.looks[-1].total < total:
            assert time.monotonic() < end, f"{self.looks[-1].total if self.looks else 0} of {total}"
            time.sleep(LOOK_S)

    def rate(self, since: float, until_total: int) -> float:
        """Offsets a second from a moment on, until so many are committed."""
        looks = [look for look in self.looks if look.moment >= since]
        if (
            len(looks) < 2 or looks[0].total >= until_total
        ):  # it was done before: from its beginning
            looks = [look for look in self.looks if look.total > 0]
        done = next((look for look in looks if look.total >= until_total), looks[-1])
        first = looks[0]
        return (done.total - first.total) / max(done.moment - first.moment, LOOK_S)

    def rate_of_all(self) -> float:
        """Offsets a second between the first commit that was seen and the last."""
        moved = [look for look in self.looks if look.total > 0]
        if len(moved) < 2:
            return 0.0
        last = next(look for look in moved if look.total == moved[-1].total)
        return (last.total - moved[0].total) / max(last.moment - moved[0].moment, LOOK_S)

    def stall_s(self, since: float, until: float) -> float:
        """The longest that any partition with work stood still within a stretch of time."""
        looks = [look for look in self.looks if since <= look.moment <= until]
        longest, last = 0.0, dict.fromkeys(looks[0].offsets, looks[0].moment)
        for before, look in zip(looks, looks[1:], strict=False):
            for place, offset in look.offsets.items():
                if offset != before.offsets.get(place):
                    longest = max(longest, look.moment - last.get(place, look.moment))
                    last[place] = look.moment
        still = (looks[-1].moment - moment for moment in last.values())
        return max(longest, *still)
