"""P5: from kill -9 of a worker with 100,000 keys of state until it commits again, the start of the process included."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from api.supervisor.service import Service
from streams.topics import ACCOUNT_STATE, DECISIONS
from tests.bench.arrivals import Arrivals
from tests.bench.context import Context
from tests.bench.openloop import flow
from tests.bench.row import Line, Row
from tests.bench.trading import Desk, publish
from tests.bench.workers import PARTITIONS, cluster, committed, follow, running, worker

KEYS, SMOKE_KEYS = 100_000, 1_000
FILL_RATE = 2_000
FILL_SECONDS_MAX = 600.0
KILLS_A_ROUND = 4
ORDERS_RATE, QUOTES_RATE = 100, 500
STEADY_S = 2.0
"""So long it commits before the next kill."""

AGAIN_SECONDS_MAX = 120.0
POLL_MS = 500
POLL_GONE_S = 0.001
HOURS = 10


class Epochs:
    """The epoch of each account cell as its decisions show it: a restarted cell writes a higher one."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer
        self.last: dict[int, int] = {}
        self.seen: dict[int, int] = {}

    async def steady(self, seconds: float) -> None:
        """Reads on for a while."""
        end = time.monotonic() + seconds
        while time.monotonic() < end or len(self.last) < PARTITIONS:
            assert time.monotonic() < end + AGAIN_SECONDS_MAX, f"only cells {list(self.last)} write"
            await self._read(self.last)

    async def renewed(self) -> tuple[float, float]:
        """When the first and when every cell wrote in a new epoch. TimeoutError if they do not."""
        first, seen = 0.0, dict[int, int]()
        self.seen = seen
        async with asyncio.timeout(AGAIN_SECONDS_MAX):
            while any(seen.get(cell, 0) <= epoch for cell, epoch in self.last.items()):
                await self._read(seen)
                new = any(seen.get(cell, 0) > epoch for cell, epoch in self.last.items())
                first = first or (time.monotonic() if new else 0.0)
        self.last = seen
        return first, time.monotonic()

    async def _read(self, into: dict[int, int]) -> None:
        for place, records in (await self._consumer.getmany(timeout_ms=POLL_MS)).items():
            for record in records:
                stamp = dict(record.headers)["stamp"]
                into[place.partition] = int(stamp.rpartition(b":")[2])


async def fill(desk: Desk, consumer: AIOKafkaConsumer, keys: int) -> None:
    """Orders that are refused for want of a price; each leaves its id in the state."""
    arrivals = Arrivals("key", keys)
    watching = asyncio.create_task(arrivals.watch(consumer))
    start = asyncio.get_running_loop().time()
    try:
        await flow(keys, FILL_RATE, start, lambda due: desk.order("key", due))
        async with asyncio.timeout(FILL_SECONDS_MAX):
            await arrivals.decided_all.wait()
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    assert arrivals.refused == {"NO_PRICE": keys}, f"refused: {arrivals.refused}"


class Recovered(NamedTuple):
    """Seconds from the kill until the worker says that it is ready, and until the first and every cell commits."""

    ready: float
    first: float
    every: float


def restart(engine: Service, pid: int) -> float:
    """Kills it and starts it again as soon as it is gone. Returns when it is ready."""
    os.kill(pid, signal.SIGKILL)
    while engine.poll() is None:
        time.sleep(POLL_GONE_S)
    engine.start()
    return time.monotonic()


async def kill(engine: Service, epochs: Epochs) -> Recovered:
    """One kill."""
    assert engine.pid is not None, "it runs"
    killed = time.monotonic()
    restarting = asyncio.create_task(asyncio.to_thread(restart, engine, engine.pid))
    try:
        first, every = await epochs.renewed()
    except TimeoutError as error:
        state = f"epochs {epochs.last} before, {epochs.seen} after; its log: {engine.log_tail()}"
        raise RuntimeError(f"no commits after {AGAIN_SECONDS_MAX:g} s; {state}") from error
    finally:
        ready = await restarting
    return Recovered(ready - killed, first - killed, every - killed)


@asynccontextmanager
async def traded(desk: Desk) -> AsyncIterator[None]:
    """Quotes and orders flow as long as this lasts."""
    start = asyncio.get_running_loop().time()
    flows = [
        asyncio.create_task(flow(rate * 3600 * HOURS, rate, start, send))
        for rate, send in (
            (QUOTES_RATE, desk.quote),
            (ORDERS_RATE, lambda due: desk.order("trade", due)),
        )
    ]
    try:
        yield
    finally:
        for each in flows:
            each.cancel()
        for outcome in await asyncio.gather(*flows, return_exceptions=True):
            if not isinstance(outcome, asyncio.CancelledError):
                raise RuntimeError("the load broke off") from (
                    outcome if isinstance(outcome, BaseException) else None
                )
        await desk.settle()


async def kills(
    context: Context, brokers: str, engine: Service, keys: int, a_round: int
) -> tuple[list[Recovered], list[float]]:
    """Fills the state, then kills over and over: each recovery, and the load average of each round."""
    recovered, loads = list[Recovered](), list[float]()
    async with (
        AIOKafkaProducer(bootstrap_servers=brokers) as for_orders,
        AIOKafkaProducer(bootstrap_servers=brokers) as for_quotes,
        committed(brokers) as consumer,
    ):
        await publish(for_orders)
        await follow(consumer, DECISIONS)
        desk = Desk(for_orders, for_quotes)
        context.say(f"filling the state with {keys:,} keys")
        await fill(desk, consumer, keys)
        epochs = Epochs(consumer)
        async with traded(desk):
            for number in range(1, context.rounds + 1):
                loads.append(os.getloadavg()[0])
                for _ in range(a_round):
                    await epochs.steady(STEADY_S)
                    recovered.append(await kill(engine, epochs))
                    context.say(f"round {number}: commits again after {recovered[-1].first:.2f} s")
    return recovered, loads


async def changes(brokers: str) -> int:
    """How many records the restore of all account cells reads, markers included."""
    async with committed(brokers) as consumer:
        await follow(consumer, ACCOUNT_STATE)
        return sum([await consumer.position(place) for place in consumer.assignment()])


def row(recovered: list[Recovered], keys: int, logged: int, loads: list[float]) -> Row:
    """The row, from each recovery."""
    ready, first, every = (list(column) for column in zip(*recovered, strict=True))
    count = len(recovered)
    return Row(
        code="P5",
        name="recovery",
        title=f"kill -9 to the next commit with {keys:,} keys of state, {count} kills",
        lines=[
            Line("first new commit, p50", "s", first, goal="<= 3 s"),
            Line("first new commit, longest", "s", [max(first)], goal="<= 6 s (p99)"),
            Line("all account cells commit, p50", "s", every),
            Line("all account cells commit, longest", "s", [max(every)]),
            Line("ready probe answers, p50", "s", ready),
        ],
        loads=loads,
        notes=[
            f"spent order ids in {PARTITIONS} account cells; {logged:,} changelog records at the end, the broker's "
            "compaction apart",
            f"restarted at once under its static name; {ORDERS_RATE} orders/s and {QUOTES_RATE} quotes/s go on",
        ],
    )  # fmt: skip


def run(context: Context) -> Row:
    """Starts a broker and one worker, fills it, and kills it."""
    keys, a_round = (SMOKE_KEYS, 1) if context.smoke else (KEYS, KILLS_A_ROUND)
    directory: Path = context.directory / "recovery"
    directory.mkdir()
    with cluster(directory) as brokers, running(worker(brokers, directory)) as engine:
        recovered, loads = asyncio.run(kills(context, brokers, engine, keys, a_round))
        return row(recovered, keys, asyncio.run(changes(brokers)), loads)
