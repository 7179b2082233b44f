"""What every foreground process that is neither worker nor API shares: stop signals, metrics and the ops port."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from agents import insecure
from agents.health import Beat, Checks
from agents.meter import ProcessMeter
from agents.metrics import Metrics
from agents.ops import OpsServer, Probes
from api.ending import Ended
from streams.exits import Exit
from streams.settings import Settings

BEAT_S = 1.0
STARTED = "started"


class Process:
    """A process with an ops port. stop: set by SIGINT or SIGTERM."""

    def __init__(self) -> None:
        self.metrics = Metrics()
        self.meter = ProcessMeter(self.metrics)
        self.stop = stop_signals()
        self._status: Callable[[], dict[str, Any]] = dict
        self._ready: dict[str, Callable[[], bool]] = {STARTED: lambda: False}

    def show(self, status: Callable[[], dict[str, Any]]) -> None:
        """What /status answers from now on; called by the ops port's threads."""
        self._status = status

    def ready_when(self, checks: Checks) -> None:
        """What must hold for /readyz to answer 200; until this is said, it does not."""
        self._ready.pop(STARTED, None)
        self._ready.update(checks)

    def probes(self, live: Checks) -> Probes:
        """What the ops port serves."""
        return Probes(self.metrics.exposition, lambda: self._status(), live, self._ready)


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[Process]:
    """Serves the ops port of the settings and listens for stop signals while the context lasts.

    Raises Ended where the profile does not let a process start so.
    """
    if refusal := insecure.refusal(settings):
        raise Ended(Exit.SETTINGS, f"no process starts so: {refusal}")
    process, beat = Process(), Beat()
    insecure.show(process.metrics, settings)
    server = OpsServer(process.probes({"loop": beat.is_young}), settings.ops_port, settings.host)
    server.start()
    striking = asyncio.create_task(_strike(beat))
    try:
        yield process
    finally:
        striking.cancel()
        await asyncio.wait({striking})
        await asyncio.to_thread(server.stop)


def stop_signals() -> asyncio.Event:
    """An event that SIGINT and SIGTERM set."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for stopping in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(stopping, stop.set)
    return stop


async def _strike(beat: Beat) -> None:
    while True:
        beat.strike()
        await asyncio.sleep(BEAT_S)
