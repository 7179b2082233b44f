"""The composition root of the sink process: its meter, its ops port, and its end on a signal."""

import asyncio
import gc
import signal

from agents import insecure
from agents.health import Beat
from agents.meter import ProcessMeter
from agents.metrics import Metrics
from agents.ops import OpsServer, Probes
from sinks.run import Sink
from sinks.run import log as sink_log
from streams.exits import Exit
from streams.settings import Settings

BEAT_EVERY_S = 1.0

GC_THRESHOLDS = (100_000, 20, 20)
"""Rows are tuples that live for one batch and hold no cycles; at the default of 700 the collector takes a third."""


async def run(settings: Settings, stop: asyncio.Event | None = None) -> Exit:
    """Run a sink and its ops port until SIGTERM, SIGINT or `stop`; the exit code of the process."""
    stop = asyncio.Event() if stop is None else stop
    if not settings.postgres_url:
        sink_log.error("no history database: set HEADRACE_POSTGRES_URL")
        return Exit.SETTINGS
    if refusal := insecure.refusal(settings):
        sink_log.error("no sink starts so: %s", refusal)
        return Exit.SETTINGS
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    metrics = Metrics()
    insecure.show(metrics, settings)
    sink = Sink(settings, ProcessMeter(metrics))
    metrics.before_each_scrape(lambda: metrics.set("ready", (), sink.is_connected()))
    beat = Beat()
    ops = OpsServer(_probes(metrics, sink, beat, stop), settings.ops_port, settings.host)
    ops.start()
    sink_log.info("ops port %d", ops.port)
    beating = asyncio.create_task(_strike(beat))
    try:
        return await sink.run(stop)
    finally:
        beating.cancel()
        await asyncio.to_thread(ops.stop)


def _probes(metrics: Metrics, sink: Sink, beat: Beat, stop: asyncio.Event) -> Probes:
    return Probes(
        exposition=metrics.exposition,
        status=sink.status,
        live={"loop": beat.is_young},
        ready={
            "assigned": sink.is_assigned,
            "history": sink.is_connected,
            "running": lambda: not stop.is_set(),
        },
    )


async def _strike(beat: Beat) -> None:
    while True:
        beat.strike()
        await asyncio.sleep(BEAT_EVERY_S)
