"""How long a system needs after a fault until every partition is applied again, seen from its committed offsets."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from threading import Event

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from streams import admin, log
from tests.support.beside import beside

LOOK_S = 0.1
TOPIC = "market.quotes"
SETTLED_LOOKS = 2
"""What was on its way to the broker when the fault began is there by the second look."""


@dataclass
class Fault:
    """When it began, and what was committed once it had taken effect."""

    began: float
    looks: int = 0
    before: dict[TopicPartition, int] = field(default_factory=dict)


class Recovery:
    """Watches one group. seconds: of each fault that has been recovered from."""

    def __init__(self, brokers: str, app: str) -> None:
        self.seconds: list[float] = []
        self._brokers = brokers
        self._app = app
        self._open: list[Fault] = []

    def fault(self) -> None:
        """A fault has just begun."""
        self._open.append(Fault(time.monotonic()))

    @property
    def unfinished(self) -> int:
        """Faults that have not been recovered from."""
        return len(self._open)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Look at the group while the body runs."""
        with beside(lambda over: asyncio.run(self._watch(over))):
            yield

    async def _watch(self, over: Event) -> None:
        while not over.is_set():
            try:
                async with admin.client(self._brokers) as client:
                    node = await log.coordinator(client, self._app)
                    while not over.is_set():
                        found = await log.group_offsets(client, self._app, node)
                        self._look({p: o for p, o in found.items() if p.topic == TOPIC})
                        await asyncio.sleep(LOOK_S)
            except (KafkaError, OSError):  # the broker is what has failed
                await asyncio.sleep(LOOK_S)

    def _look(self, offsets: dict[TopicPartition, int]) -> None:
        for fault in list(self._open):
            fault.looks += 1
            if fault.looks <= SETTLED_LOOKS:
                fault.before = offsets
            elif offsets and all(o > fault.before.get(p, -1) for p, o in offsets.items()):
                self._open.remove(fault)
                self.seconds.append(time.monotonic() - fault.began)

    def row(self) -> str:
        """Median and maximum."""
        if not self.seconds:
            return "- | -"
        return f"{median(self.seconds):.1f} s | {max(self.seconds):.1f} s"
