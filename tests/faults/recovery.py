"""How long a system needs after a fault until every partition is applied again, seen from its committed offsets."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from streams import admin, log

LOOK_S = 0.1
TOPIC = "market.quotes"


class Recovery:
    """Watches one group. seconds: of each fault that has been recovered from."""

    def __init__(self, brokers: str, app: str) -> None:
        self.seconds: list[float] = []
        self._brokers = brokers
        self._app = app
        self._now: dict[TopicPartition, int] = {}
        self._open: list[tuple[float, dict[TopicPartition, int]]] = []
        self._down = threading.Event()

    def fault(self) -> None:
        """A fault has just begun."""
        self._open.append((time.monotonic(), dict(self._now)))

    @property
    def unfinished(self) -> int:
        """Faults that have not been recovered from."""
        return len(self._open)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Look at the group while the body runs."""
        thread = threading.Thread(target=lambda: asyncio.run(self._watch()), name="recovery")
        thread.start()
        try:
            yield
        finally:
            self._down.set()
            thread.join()

    async def _watch(self) -> None:
        while not self._down.is_set():
            try:
                async with admin.client(self._brokers) as client:
                    node = await log.coordinator(client, self._app)
                    while not self._down.is_set():
                        found = await log.group_offsets(client, self._app, node)
                        self._look({p: o for p, o in found.items() if p.topic == TOPIC})
                        await asyncio.sleep(LOOK_S)
            except (KafkaError, OSError):  # the broker is what has failed
                await asyncio.sleep(LOOK_S)

    def _look(self, offsets: dict[TopicPartition, int]) -> None:
        self._now = offsets
        for fault in list(self._open):
            began, before = fault
            if offsets and all(offset > before.get(p, -1) for p, offset in offsets.items()):
                self._open.remove(fault)
                self.seconds.append(time.monotonic() - began)

    def row(self) -> str:
        """Median and maximum."""
        if not self.seconds:
            return "- | -"
        return f"{median(self.seconds):.1f} s | {max(self.seconds):.1f} s"
