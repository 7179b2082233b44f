"""What every foreground process that is neither worker nor API shares: stop signals, metrics and the ops port."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from agents.health import Beat, Checks
from agents.meter import ProcessMeter
from agents.metrics import Metrics
from agents.ops import OpsServer, Probes

BEAT_S = 1.0


@dataclass(frozen=True)
class Process:
    """stop: set by SIGINT or SIGTERM."""

    meter: ProcessMeter
    metrics: Metrics
    stop: asyncio.Event


@asynccontextmanager
async def serving(
    ops_port: int, status: Callable[[Metrics], dict[str, Any]], ready: Checks
) -> AsyncIterator[Process]:
    """Serves the ops port and listens for stop signals while the context lasts."""
    metrics, beat = Metrics(), Beat()
    process = Process(ProcessMeter(metrics), metrics, stop_signals())
    probes = Probes(
        exposition=metrics.exposition,
        status=lambda: status(metrics),
        live={"loop": beat.is_young},
        ready=ready,
    )
    server = OpsServer(probes, ops_port)
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
