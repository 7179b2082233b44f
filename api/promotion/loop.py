"""The promotion job: a pass over every model now and then, for as long as the process runs."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from api.process import serving
from api.promotion import start
from api.promotion.job import Gate, Passed
from api.promotion.told import PromotionMeter, Told
from api.registry import aliases
from api.registry.aliases import Connection
from api.registry.publish import publish
from api.train import standing
from models.gate.settings import GateSettings
from sinks.migrate import migrate
from streams import log
from streams.settings import Settings

logger = logging.getLogger("headrace.promotion")

RETRY_S = 2.0


@asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[Connection]:
    """A connection to a database of this version's schema."""
    async with await psycopg.AsyncConnection.connect(
        settings.postgres_url, autocommit=True
    ) as connection:
        await migrate(connection, require_timescaledb=settings.require_timescale)
        yield connection


async def run(settings: Settings, gate: GateSettings, every_s: float, key: bytes = b"") -> None:
    """Pass after pass, until told to stop; an outage of a store is waited out."""
    async with serving(settings) as process:
        told = Told(gate, PromotionMeter(process.metrics))
        process.show(told.status)
        process.ready_when({"passed": lambda: told.passes > 0})
        while not process.stop.is_set():
            try:
                await _passes(settings, gate, every_s, key, told, process.stop)
            except (psycopg.Error, KafkaError, LookupError, OSError, aliases.Busy) as error:
                logger.warning("the next pass is tried again: %s", error)
                await _pause(process.stop, RETRY_S)


async def _passes(
    settings: Settings,
    gate: GateSettings,
    every_s: float,
    key: bytes,
    told: Told,
    stop: asyncio.Event,
) -> None:
    judge = Gate(gate, key)
    async with connected(settings) as connection, log.reader(settings.brokers) as consumer:
        await start.begin(connection, gate)
        while not stop.is_set():
            began = time.monotonic()
            for passed in await every_model(judge, connection, consumer):
                told.take(passed)
            await publish(connection, settings.brokers)
            told.swaps = await aliases.counts(connection)
            ages = {each.model: each.version_age for each in await standing.standings(connection)}
            told.trainings(await standing.runs(connection), ages)
            told.ended(time.monotonic() - began)
            await _pause(stop, every_s)


async def every_model(
    judge: Gate, connection: Connection, consumer: AIOKafkaConsumer
) -> list[Passed]:
    """One pass over each model; one about which another process decides now is left to it."""
    found = []
    for model in await aliases.current(connection):
        try:
            found.append(await judge.decide(connection, consumer, model))
        except aliases.Busy as busy:
            logger.info("%s", busy)
    return found


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
