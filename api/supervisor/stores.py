"""The embedded servers below `up`: Kafka, PostgreSQL and Valkey, started side by side."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from api.supervisor.threads import in_thread
from sinks.local import LocalPostgres, LocalValkey
from streams.local import LocalKafka
from streams.local_part import LocalPart

Say = Callable[[str], None]


class Stores:
    """The three servers of one data directory."""

    def __init__(self, root: Path, say: Say) -> None:
        self._say = say
        self.kafka = LocalKafka(root / "kafka", progress=say)
        self.postgres = LocalPostgres(root / "postgres", progress=say)
        self.valkey = LocalValkey(root / "valkey", progress=say)

    @property
    def parts(self) -> tuple[LocalPart, ...]:
        """In the order in which they stop."""
        return self.valkey, self.postgres, self.kafka

    async def start(self) -> None:
        """Starts all three; raises the first LocalPartError once none is under way any more."""
        results = await asyncio.gather(
            *(self._start(part) for part in self.parts), return_exceptions=True
        )
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def _start(self, part: LocalPart) -> None:
        started = time.monotonic()
        await in_thread(part.start, part.name)
        self._say(f"{part.name}: runs on port {part.port} after {time.monotonic() - started:.1f} s")
