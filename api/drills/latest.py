"""Valkey is killed while a sink writes to it, and comes back; then it is emptied, and rebuilt from the topics alone."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import NamedTuple

from redis.asyncio import Redis

from api import producing
from api.drills.report import Report
from api.supervisor.threads import in_thread
from sinks.batch import Place
from sinks.current import KINDS
from sinks.history import Snapshot
from sinks.latest import Keys
from sinks.local import LocalValkey
from sinks.rebuild import fold, rebuild
from sinks.run import Sink
from streams import codec
from streams.ids import Ref
from streams.messages import Mark
from streams.meter import NoMeter
from streams.settings import Settings
from streams.topics import BY_NAME, MARKS

SYMBOLS, WRITE_EVERY_S, SAMPLE_EVERY_S = 200, 0.005, 0.05
UNDER_LOAD_S = 3.0
FOLLOWED_S = 30.0

Values = dict[tuple[str, str], bytes]
"""(name of the hash, key) -> the value, which begins with its offset."""


class Sample(NamedTuple):
    """What Valkey held, and when it was asked."""

    at: float
    values: Values


async def drill(settings: Settings, valkey: LocalValkey, report: Report) -> Report:
    """settings: of a log and a database that are fresh, and of this server, which runs and is empty."""
    sink_ends, written = asyncio.Event(), 0
    sink = asyncio.create_task(Sink(settings, NoMeter()).run(sink_ends))
    try:
        samples: list[Sample] = []
        async with _written(settings) as counted:
            await _followed(settings, 1)
            sampling = asyncio.create_task(_sample(settings, samples))
            await asyncio.sleep(UNDER_LOAD_S)
            killed = time.monotonic()
            valkey.kill()
            sampling.cancel()
            await asyncio.gather(sampling, return_exceptions=True)
            with report.recovering():
                await in_thread(valkey.start, valkey.name)
            survived = Sample(killed, await _values(settings))
            written = counted[0]
        _judge_crash(report, samples, survived)
        await _rebuild(settings, report)
        report.sizes["records"] = written
    finally:
        sink_ends.set()
        await asyncio.wait([sink])
    return report


def _judge_crash(report: Report, samples: list[Sample], survived: Sample) -> None:
    """The newest sample of which nothing is missing says how much was lost."""
    whole = [s for s in samples if _holds(survived.values, s.values)]
    due = [s for s in samples if s.at <= survived.at - 1.0 and s.values]
    report.rpo_s = survived.at - max((s.at for s in whole), default=0.0)
    report.check(
        "after kill -9 no key is older than a second before",
        bool(due) and _holds(survived.values, due[-1].values),
        f"{len(survived.values)} keys",
    )


def _holds(found: Values, wanted: Values) -> bool:
    return all(at in found and _offset(found[at]) >= _offset(wanted[at]) for at in wanted)


def _offset(value: bytes) -> int:
    return int(json.loads(value)["log_offset"])


async def _rebuild(settings: Settings, report: Report) -> None:
    async with Redis.from_url(settings.redis_url) as client:
        await client.flushall()
        with report.recovering():
            await rebuild(settings)
    wanted = _named(settings, await fold(settings.brokers))
    found = await _values(settings)
    differ = {at for at in wanted.keys() | found.keys() if wanted.get(at) != found.get(at)}
    report.check(
        "emptied and rebuilt, it equals what the topics say",
        bool(wanted) and not differ,
        f"{len(wanted)} keys, {len(differ)} different",
    )


def _named(settings: Settings, folded: Mapping[Place, Snapshot]) -> Values:
    keys = Keys(settings.app, settings.generation)
    return {
        (keys.values(kind, partition), key): value
        for (_topic, partition), snapshot in folded.items()
        for (kind, key), value in snapshot.entries.items()
    }


async def _values(settings: Settings) -> Values:
    keys, found = Keys(settings.app, settings.generation), Values()
    async with Redis.from_url(settings.redis_url) as client:
        for topic, kinds in KINDS.items():
            for partition in range(BY_NAME[topic].partitions(settings.partitions)):
                for name in (keys.values(kind, partition) for kind in kinds):
                    for key, value in (await client.hgetall(name)).items():
                        assert isinstance(key, bytes) and isinstance(value, bytes)
                        found[name, key.decode()] = value
    return found


async def _sample(settings: Settings, samples: list[Sample]) -> None:
    while True:
        at = time.monotonic()
        samples.append(Sample(at, await _values(settings)))
        await asyncio.sleep(SAMPLE_EVERY_S)


async def _followed(settings: Settings, keys: int) -> None:
    async with asyncio.timeout(FOLLOWED_S):
        while len(await _values(settings)) < keys:  # noqa: ASYNC110  nothing to wait for
            await asyncio.sleep(SAMPLE_EVERY_S)


@asynccontextmanager
async def _written(settings: Settings) -> AsyncIterator[list[int]]:
    """Marks flow until the body ends; how many did."""
    counted = [0]

    async def write() -> None:
        async with producing.producer(settings.brokers) as producer:
            while True:
                mark = _mark(counted[0])
                await producing.send(producer, MARKS, mark.symbol, codec.encode(mark))
                counted[0] += 1
                await asyncio.sleep(WRITE_EVERY_S)

    writing = asyncio.create_task(write())
    try:
        yield counted
    finally:
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)


def _mark(number: int) -> Mark:
    price, now = 1_000 + number, time.time_ns()
    return Mark(
        symbol=f"DRILL{number % SYMBOLS}/USD.SIM",
        bid=price, ask=price + 1, bid_size=1, ask_size=1, last=price, mid2=2 * price + 1,
        status="live", time=now, received=now, source="drill", cause=Ref("market.quotes", 0, number),
    )  # fmt: skip
