"""The worker process: checks what it needs, shows how it is on its ops port, and runs the Faust app."""

import asyncio
import faulthandler
import sys
import threading
import time
from typing import Any

from aiokafka.errors import KafkaError

from agents import configured, insecure
from agents.app import build, end, run
from agents.binding import CellsBinding
from agents.fold import Cell
from agents.health import Beat
from agents.learning_watch import LearningWatch, show_pending
from agents.meter import ProcessMeter
from agents.metrics import Metrics
from agents.observe import observer
from agents.ops import OpsServer, Probes
from agents.standing import Standings
from agents.strategies.load import StrategyRefused
from streams import admin, guards
from streams.exits import Exit
from streams.settings import Settings
from streams.transport import App

BEAT_EVERY_S = 1.0
CHECKS, CHECK_AGAIN_S = 3, 1.0


def run_worker(settings: Settings) -> int:
    """Run one worker until it is told to stop; the exit code of the process."""
    refused = _check(settings)
    if refused is not None:
        return refused
    metrics = Metrics()
    meter = ProcessMeter(metrics)
    insecure.show(metrics, settings)
    try:
        groups, name = configured.of_worker(settings, LearningWatch(metrics))
    except StrategyRefused as refusal:
        sys.stderr.write(f"{refusal}\n")
        return Exit.SETTINGS
    settings = settings.model_copy(update={"app": name})
    app = build(settings, groups, observer(meter), meter)
    beat = Beat()
    ops = OpsServer(_probes(metrics, app, beat), settings.ops_port, settings.host)
    ops.start()
    metrics.before_each_scrape(lambda: metrics.set("ready", (), _binding(app).ready))
    metrics.before_each_scrape(lambda: show_pending(metrics, _cells(_binding(app))))
    _beat_with(app, beat, meter)
    try:
        return run(app)
    finally:
        ops.stop()


def _check(settings: Settings) -> Exit | None:
    refused = guards.refusals(settings, is_api=False)
    for refusal in refused:
        sys.stderr.write(f"no worker starts so: {refusal}\n")
    if refused:
        return Exit.SETTINGS
    try:
        problems = asyncio.run(_problems(settings))
    except (KafkaError, OSError) as error:
        sys.stderr.write(f"no broker answers at {settings.brokers}: {error}\n")
        return Exit.NO_BROKER
    for problem in problems:
        sys.stderr.write(f"{problem}\n")
    return Exit.CHECK_FAILED if problems else None


async def _problems(settings: Settings) -> list[admin.Problem]:
    """What is wrong with the topics, asked again: a broker that has just come back may not know them all yet."""
    for _ in range(CHECKS - 1):
        if not await admin.check(settings.brokers, settings.partitions, settings.replication):
            return []
        await asyncio.sleep(CHECK_AGAIN_S)
    return await admin.check(settings.brokers, settings.partitions, settings.replication)


def _probes(metrics: Metrics, app: App, beat: Beat) -> Probes:
    binding = _binding(app)
    return Probes(
        exposition=metrics.exposition,
        status=lambda: _status(metrics, binding),
        live={"loop": beat.is_young},
        ready={"assigned": lambda: binding.ready},
    )


def _status(metrics: Metrics, binding: CellsBinding) -> dict[str, Any]:
    cells = _cells(binding)
    return {
        "process": "worker",
        "state": "READY" if binding.ready else "RECOVERING",
        "cells": sorted(f"{cell.group.name}-{cell.partition}" for cell in cells),
        "steps": sum(cell.progress.step for cell in cells),
        "events": metrics.by_label("events_total", "topic"),
        "outputs": metrics.by_label("outputs_total", "topic"),
        "dead_letters": metrics.total("dead_letters_total"),
        "lag": metrics.by_label("lag_records", "topic"),
    }


def _cells(binding: CellsBinding) -> list[Cell]:
    return [live.cell for live in list(binding.cells.values())]


def _binding(app: App) -> CellsBinding:
    assert isinstance(app.binding, CellsBinding)
    return app.binding


def _beat_with(app: App, beat: Beat, meter: ProcessMeter) -> None:
    # From the first beat on: until then, restoring may take long, and whoever started us waits for /readyz.
    watchdog = threading.Thread(target=_watch, args=(beat,), name="watchdog", daemon=True)

    standings = Standings(meter)

    async def strike() -> None:
        beat.strike()
        if not watchdog.is_alive():
            watchdog.start()
        standings(app.consumer)

    app.timer(BEAT_EVERY_S)(strike)


def _watch(beat: Beat) -> None:
    """A thread, since a stuck loop cannot watch itself."""
    while True:
        time.sleep(BEAT_EVERY_S)
        if not beat.is_young():
            faulthandler.dump_traceback(all_threads=True)
            end(Exit.STALLED, "the event loop stands still")
