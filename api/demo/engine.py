"""An engine for one demonstration: a broker and a worker in a directory of their own, and the log they leave."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer

from api import producing
from api.demo.script import Put
from api.ending import Ended
from api.supervisor.service import Launch, Service
from api.supervisor.threads import in_thread
from streams import admin, control, lag, log
from streams.exits import Exit
from streams.lag import Lag
from streams.local import LocalKafka
from streams.ports import LOOPBACK, free_port
from streams.settings import NO_LOGIN_VARIABLES, Settings, embedded
from streams.topics import BY_NAME

APP = "headrace-demo"
PARTITIONS = 2
REST_DEADLINE_S = 60.0
POLL_S = 0.02
STOP_S = 5.0


@dataclass
class DemoEngine:
    """A running engine."""

    brokers: str
    directory: Path
    worker: Service
    producer: AIOKafkaProducer
    behind: Lag

    async def start_anew(self, generation: int) -> None:
        """Another worker in place of the one that was stopped, on a log of this generation."""
        settings = embedded(
            app=APP, brokers=self.brokers, partitions=PARTITIONS, generation=generation
        )
        self.worker = _worker(settings, self.directory, lockstep=False)
        await in_thread(self.worker.start, self.worker.name)

    async def reference(self, records: Iterable[control.Record], at_ms: int) -> None:
        """Append reference data."""
        for record in records:
            await producing.send_control(self.producer, record, at_ms)

    async def put(self, records: Iterable[Put]) -> None:
        """Append records and wait until everything that follows from them is written."""
        sent = [
            await self.producer.send(
                put.topic.name, put.value, put.key.encode(), timestamp_ms=put.at_ms
            )
            for put in records
        ]
        await asyncio.gather(*sent)
        await self.rest()

    async def rest(self) -> None:
        """Wait until every input is applied and no transaction is open."""
        try:
            async with asyncio.timeout(REST_DEADLINE_S):
                while not await self.behind.at_rest():
                    if self.worker.poll() is not None:
                        raise Ended(Exit.STALLED, f"the worker ended\n{self.worker.log_tail()}")
                    await asyncio.sleep(POLL_S)
        except TimeoutError as error:
            left = await self.behind.records()
            raise Ended(Exit.STALLED, f"the engine did not come to rest; left: {left}") from error

    async def messages(self, topic: str) -> list[Any]:
        """All messages of a topic, by partition."""
        decode = BY_NAME[topic].decode
        records = await log.read_all(self.brokers, topic)
        return [decode(record.value) for record in records if record.value is not None]


@asynccontextmanager
async def engine(
    directory: Path, say: Callable[[str], None], *, lockstep: bool
) -> AsyncIterator[DemoEngine]:
    """Starts Kafka and a worker there, and stops them. Raises LocalPartError for one that does not start.

    lockstep: it takes turns, so that what it does does not depend on time.
    """
    kafka = LocalKafka(directory / "kafka", progress=say)
    try:
        await in_thread(kafka.start, kafka.name)
        await admin.apply(kafka.bootstrap, PARTITIONS, embedded=True)
        settings = embedded(app=APP, brokers=kafka.bootstrap, partitions=PARTITIONS)
        worker = _worker(settings, directory, lockstep)
        try:
            say("starting the engine")
            await in_thread(worker.start, worker.name)
            async with producing.producer(settings.brokers) as producer, _lag(settings) as behind:
                running = DemoEngine(settings.brokers, directory, worker, producer, behind)
                try:
                    yield running
                finally:
                    worker = running.worker
        finally:
            await in_thread(lambda: worker.stop(STOP_S), worker.name)
    finally:
        await in_thread(lambda: kafka.stop(STOP_S), kafka.name)


def _lag(settings: Settings) -> Any:
    from api.rounds import committed_inputs  # the routes take a second to import

    return lag.watch(settings.brokers, settings.app, committed_inputs(settings), list(BY_NAME))


def _worker(settings: Settings, directory: Path, lockstep: bool) -> Service:
    port = free_port()
    environment = {
        **NO_LOGIN_VARIABLES,
        "HEADRACE_APP": settings.app,
        "HEADRACE_BROKERS": settings.brokers,
        "HEADRACE_PARTITIONS": str(settings.partitions),
        "HEADRACE_GENERATION": str(settings.generation),
        "HEADRACE_DATA": str(directory),
        "HEADRACE_PROFILE": "simulation",
        "HEADRACE_SIMULATION": "",
        "HEADRACE_INSTANCE": "demo",
        "HEADRACE_STRATEGY": "none",
        "HEADRACE_STRATEGY_PARAMS": "",
        "HEADRACE_ONLY": "",
        "HEADRACE_LOCKSTEP": str(int(lockstep)),
        "HEADRACE_OPS_PORT": str(port),
    }
    log_file = directory / "worker.log"
    ready = f"http://{LOOPBACK}:{port}/readyz"
    return Service("worker", Launch(["worker"], log_file, ready, environment))
