"""A broker of a row's own with the catalogue's topics, and the engine on it as the process that users run."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aiokafka import AIOKafkaConsumer

from api.supervisor.service import Launch, Service
from streams import admin, log
from streams.local import LocalKafka
from streams.ports import LOOPBACK, free_port
from streams.topics import Topic

PARTITIONS = 4
STOP_SECONDS_MAX = 10.0


@contextmanager
def cluster(directory: Path) -> Iterator[str]:
    """The address of a new broker with all topics; it is gone afterwards."""
    with LocalKafka(directory / "kafka") as kafka:
        asyncio.run(admin.apply(kafka.bootstrap, PARTITIONS, embedded=True))
        yield kafka.bootstrap


def worker(brokers: str, directory: Path) -> Service:
    """`headrace worker`, not started yet; no strategy, and a name that it keeps over restarts."""
    port = free_port()
    launch = Launch(
        arguments=["worker"],
        log=directory / "worker.log",
        ready=f"http://{LOOPBACK}:{port}/readyz",
        environment={
            "HEADRACE_APP": "bench",
            "HEADRACE_PROFILE": "simulation",
            "HEADRACE_BROKERS": brokers,
            "HEADRACE_PARTITIONS": str(PARTITIONS),
            "HEADRACE_DATA": str(directory / "data"),
            "HEADRACE_INSTANCE": "bench-1",
            "HEADRACE_OPS_PORT": str(port),
            "HEADRACE_STRATEGY": "none",
        },
    )
    return Service("worker", launch)


@contextmanager
def running(service: Service) -> Iterator[Service]:
    """The service, ready; it is gone afterwards."""
    try:
        service.start()
        yield service
    finally:
        service.stop(STOP_SECONDS_MAX)


async def follow(consumer: AIOKafkaConsumer, *followed: Topic) -> None:
    """Places a consumer at the present ends of these topics."""
    places = await log.partitions_of(consumer, [topic.name for topic in followed])
    ends = await consumer.end_offsets(places)
    consumer.assign(places)
    for place, end in ends.items():
        consumer.seek(place, end)


def committed(brokers: str) -> AIOKafkaConsumer:
    """A consumer of no group that sees what is committed, as soon as it is."""
    return AIOKafkaConsumer(
        bootstrap_servers=brokers,
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    )
