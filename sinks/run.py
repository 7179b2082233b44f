"""The sink process: committed records in, rows and offsets out, the latest state behind them."""

import asyncio
import logging
import time
from typing import Any

from aiokafka.errors import KafkaError

from sinks.history import CRASH_POINTS, Fenced, History
from sinks.intake import Intake, LogChanged
from sinks.latest import Keys, Latest
from sinks.migrate import SchemaRefused
from sinks.rows import BY_TOPIC
from sinks.writer import Writer
from sinks.writes import SINK, Differs
from streams import crash
from streams.exits import Exit
from streams.meter import SinkMeter
from streams.settings import Settings

log = logging.getLogger("headrace.sink")

LOOK_EVERY_S = 1.0
SHOW_EVERY = 5
"""Looks between two commits to the consumer group, which is for display."""

CHUNKS_EVERY = 60
"""Looks between two at the chunks."""

STOP_S_MAX = 8.0

EXITS: dict[type[BaseException], Exit] = {
    Fenced: Exit.FENCED,
    Differs: Exit.INVARIANT,
    LogChanged: Exit.LOG_CHANGED,
    SchemaRefused: Exit.CHECK_FAILED,
    KafkaError: Exit.NO_BROKER,
}


class Sink:
    """One sink, made in a running loop and run once. `status` and the checks answer on any thread."""

    def __init__(self, settings: Settings, meter: SinkMeter) -> None:
        self._meter = meter
        self._intake = Intake(
            settings.brokers,
            f"{settings.app}-sink",
            BY_TOPIC,
            instance=f"{settings.instance}-sink" if settings.instance else "",
            session_timeout_s=settings.session_timeout_s,
        )
        self._writer = Writer(
            History(settings.postgres_url, crash.at(settings.crash, CRASH_POINTS)),
            _latest(settings, meter),
            meter,
            require_timescaledb=settings.require_timescale,
        )
        self._lag: int | None = None
        self._stop = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> Exit:
        """Work until told to stop; the exit code of the process. An error that has none is raised."""
        self._stop = stop
        parts = (self._work(), self._look(), stop.wait())
        tasks = [asyncio.create_task(part) for part in parts]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        log.info("stopping")
        if stop.is_set() and self._intake.is_claimed:
            await asyncio.wait(tasks[:1], timeout=STOP_S_MAX)  # what is in hand is stored
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        await self._show()
        await self._intake.stop()
        await self._writer.close()
        return _exit(ends)

    def status(self) -> dict[str, Any]:
        """What the sink says of itself on `/status`."""
        return {
            "role": "sink",
            "assigned": self._intake.is_claimed,
            "partitions": len(self._intake.places),
            "lag_records": self._lag,
            **self._writer.status(),
        }

    def is_connected(self) -> bool:
        """A readiness check: the database answered last time, and does not keep us waiting."""
        return self._writer.history.connected and not self._writer.is_stuck

    def is_assigned(self) -> bool:
        """A readiness check: our partitions are claimed."""
        return self._intake.is_claimed

    async def _work(self) -> None:
        await self._intake.start()
        while not self._stop.is_set():
            await self._writer.claim(self._intake)
            await self._stream()

    async def _stream(self) -> None:
        """Batch after batch while the assignment stands; the next is gathered while one is written.

        Told to stop, it gathers no more and stores what it has. While the database is away nothing is gathered beyond
        that next batch, so two batches are the most that memory holds.
        """
        intake, writer = self._intake, self._writer
        gathering = asyncio.create_task(intake.gather(lambda: writer.held > 0))
        try:
            while intake.is_claimed:
                batch, last = await gathering, self._stop.is_set()
                if not last:
                    gathering = asyncio.create_task(intake.gather(lambda: writer.held > 0))
                if batch is not None:
                    await writer.write(intake, batch)
                if last:
                    return
        finally:
            gathering.cancel()
            await asyncio.gather(gathering, return_exceptions=True)

    async def _look(self) -> None:
        """Each second: how far behind we are. Each fifth: tell the group, and mend the latest state."""
        looks = 0
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            looks += 1
            try:
                self._lag = await self._intake.behind()
            except KafkaError as error:
                log.warning("the lag is unknown: %r", error)
                continue
            lag_s = self._writer.lag_s(self._lag, time.time_ns() // 1_000_000)
            self._meter.backlog(SINK, self._lag, self._writer.held, lag_s)
            if looks % SHOW_EVERY == 0:
                await self._show()
                await self._writer.mend(self._intake)
            if looks % CHUNKS_EVERY == 1:
                await self._writer.look(self._intake)

    async def _show(self) -> None:
        try:
            await self._intake.show()
        except KafkaError as error:
            log.warning("the group's offsets are not up to date: %r", error)


async def run(settings: Settings, meter: SinkMeter, stop: asyncio.Event) -> Exit:
    """Run a sink until `stop` is set; the exit code of the process."""
    if not settings.postgres_url:
        log.error("no history database: set HEADRACE_POSTGRES_URL")
        return Exit.SETTINGS
    return await Sink(settings, meter).run(stop)


def _latest(settings: Settings, meter: SinkMeter) -> Latest | None:
    if not settings.redis_url:
        return None
    return Latest(settings.redis_url, Keys(settings.app, settings.generation), meter)


def _exit(ends: list[Any]) -> Exit:
    for end in ends:
        if isinstance(end, Exception):
            for kind, code in EXITS.items():
                if isinstance(end, kind):
                    log.error("the sink stops with %d %s: %s", code, code.name, end)
                    return code
            raise end
    return Exit.CLEAN
