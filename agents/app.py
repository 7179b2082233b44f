"""The worker: a Faust app over the routes, its cells bound to the log. The composition root that knows the settings."""

import asyncio
import contextlib
import gc
import logging
import os
import secrets
import sys
import time
import traceback
from collections.abc import Sequence
from typing import Any, NoReturn

import faust
from aiokafka.errors import KafkaError

from agents.binding import CellsBinding
from agents.faust_tables import StateTable, StateTables
from agents.group import Group
from agents.live import Observe
from streams.exits import Exit
from streams.login import connection
from streams.meter import EngineMeter
from streams.settings import Settings
from streams.transaction import Transactions
from streams.transport import App, Chunks, Consumer

BROKER_ASK_S = 5.0
NO_BROKER_S = 30.0


GC_THRESHOLDS = (100_000, 20, 50)
"""A chunk makes thousands of short-lived records without cycles, which Python's own 700 looks through each time."""


def build(settings: Settings, groups: Sequence[Group], observe: Observe, meter: EngineMeter) -> App:
    """The Faust app of one worker; nothing runs yet."""
    settings.data.mkdir(parents=True, exist_ok=True)  # Faust makes the last folder only
    brokers = [f"chunk://{server.strip()}" for server in settings.brokers.split(",")]
    app = App(
        settings.app,
        broker=brokers,
        broker_credentials=_credentials(settings.brokers),
        datadir=str(settings.data / "faust"),
        store="memory://",
        processing_guarantee="exactly_once",  # read_committed, and a transaction manager: ours
        topic_disable_leader=True,
        topic_allow_declare=False,
        topic_partitions=settings.partitions,
        stream_wait_empty=False,
        stream_buffer_maxsize=settings.partitions * 2,
        stream_recovery_delay=0.0,
        broker_max_poll_records=settings.chunk_records,
        broker_session_timeout=settings.session_timeout_s,
        broker_heartbeat_interval=settings.session_timeout_s / 6,
        broker_rebalance_timeout=max(10.0, settings.session_timeout_s),
        broker_request_timeout=max(30.0, settings.session_timeout_s),
        consumer_group_instance_id=settings.instance or None,
        web_enabled=False,
        TableManager=StateTables,
        loghandlers=[],
    )
    app.brokers = settings.brokers
    app.binding = CellsBinding(
        settings.brokers,
        settings.partitions,
        groups,
        end,
        observe,
        meter,
        Transactions(settings.brokers, _transactional_id(settings), settings.session_timeout_s),
        lockstep=settings.chunk_records if settings.lockstep else 0,
    )
    app.lockstep = settings.lockstep
    for group in groups:
        for table in group.tables(0).all():
            state = StateTable(group.name, table.name, lambda: app.binding.states())
            app.tables.data[state.name] = state  # type: ignore[assignment]  # a table by its interface
        for source in group.inputs:
            if not source.broadcast:
                _agent(app, group, source.topic.name, settings.partitions)
    _watch_broker(app)
    for noisy in ("aiokafka", "faust", "mode"):
        logging.getLogger(noisy).setLevel(
            logging.CRITICAL
        )  # what matters ends the process, with its reason
    return app


def _credentials(brokers: str) -> faust.SASLCredentials | None:
    """For the producer that Faust starts and nobody uses."""
    given = connection(brokers)
    if "sasl_mechanism" not in given:
        return None
    return faust.SASLCredentials(
        mechanism=given["sasl_mechanism"],
        username=given["sasl_plain_username"],
        password=given["sasl_plain_password"],
        ssl_context=given["ssl_context"],
    )


def _transactional_id(settings: Settings) -> str:
    """This worker's alone; under its own name it ends at once what it had left open when it was killed."""
    name = settings.instance or secrets.token_hex(8)
    return "-".join(filter(None, (settings.app, settings.only.replace(",", "-"), name)))


def _watch_broker(app: App) -> None:
    """A client that finds no broker tries for ever; whoever restarts this process should know instead."""
    answered = time.monotonic()

    async def ask() -> None:
        nonlocal answered
        consumer = app.consumer
        assert isinstance(consumer, Consumer)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(BROKER_ASK_S):
                if await consumer.broker_answers():
                    answered = time.monotonic()
        silent_s = time.monotonic() - answered
        if silent_s > NO_BROKER_S:
            end(Exit.NO_BROKER, f"no broker has answered for {silent_s:.0f} s")

    app.timer(BROKER_ASK_S)(ask)


def _agent(app: App, group: Group, topic: str, partitions: int) -> None:
    channel = app.topic(topic, schema=Chunks(), partitions=partitions)

    async def chunks(stream: Any) -> None:
        async for event in stream.events():
            app.loop.create_task(_settle(app, event))

    app.agent(channel, name=f"{group.name}.{topic}")(chunks)


async def _settle(app: App, event: Any) -> None:
    """Run one chunk, then let its partition be fetched into again. Chunks of other partitions run beside it."""
    consumer = app.consumer
    assert isinstance(consumer, Consumer)
    try:
        await app.binding.run(event.message.tp, event.value)
    except Exception:  # noqa: BLE001  an error nobody named: nothing is certain any more
        traceback.print_exc()
        end(Exit.INVARIANT, "a chunk failed for an unknown reason")
    consumer.release(event.message.tp)


def end(code: Exit, reason: str) -> NoReturn:
    """End the process at once; an open transaction is aborted by whoever takes the partition over."""
    sys.stderr.write(f"headrace worker stops with {code.value} {code.name}: {reason}\n")
    sys.stderr.flush()
    os._exit(code)


class _Worker(faust.Worker):
    """Ends when the app has stopped; Faust would wait two more seconds for futures that nobody awaits."""

    async def start(self) -> None:
        """Start all services; Faust would say nothing of one that finds no broker, and exit with 1."""
        try:
            await super().start()
        except (KafkaError, OSError) as error:
            end(Exit.NO_BROKER, f"a service found no broker: {error!r}")

    def _gather_all(self) -> None:
        for task in asyncio.all_tasks(loop=self.loop):
            task.cancel()

    async def _sentinel_task(self) -> None:
        await asyncio.sleep(0)


def run(app: App) -> int:
    """Run the worker until it is told to stop; the exit code."""
    gc.collect()
    gc.freeze()  # what is imported stays: it need not be looked through again
    gc.set_threshold(*GC_THRESHOLDS)
    worker = _Worker(app, loglevel="CRITICAL", redirect_stdouts=False, quiet=True)
    try:
        worker.execute_from_commandline()
    except SystemExit as stopped:
        return int(stopped.code or 0)
    return 0
