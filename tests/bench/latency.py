"""P2: from the moment an order was to be sent until its fill is seen: risk, broker and a reader, all exactly-once.

Open loop: orders come at their rate whatever the engine does, and a late send counts its lateness.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import psutil
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from streams.topics import DECISIONS, FILLS
from tests.bench.arrivals import Arrivals, latencies_ms, percentile
from tests.bench.context import Context
from tests.bench.openloop import flow
from tests.bench.row import Line, Row
from tests.bench.trading import ACCOUNTS, SYMBOLS, Desk, publish
from tests.bench.workers import PARTITIONS, cluster, committed, follow, running, worker

RATES = (500, 2_000, 10_000)
QUOTES_RATE = 2_000
SECONDS, SMOKE_SECONDS = 10.0, 1.0
DRAIN_SECONDS_MAX = 120.0
"""An engine that has not caught up by then is given up."""

WARM_UP_RATE, WARM_UP_ORDERS, WARM_UPS_MAX = 200, 400, 10
LEAD_S = 0.2
"""The first order of a run is due so long after it was planned."""

HOURS_OF_QUOTES = 10
GOALS = {
    (2_000, "order to fill, p50"): "<= 15 ms",
    (2_000, "order to fill, p99"): "<= 40 ms",
    (10_000, "filled"): ">= 10,000 / s",
}
FILLED_SHARES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}
DECIDED_SHARES = {"p50": 0.5, "p99": 0.99}


class Lines:
    """The lines of the row by what they show, in the order of first use."""

    def __init__(self) -> None:
        self.all: dict[tuple[int, str], Line] = {}

    def add(self, rate: int, name: str, unit: str, value: float) -> None:
        """One more value of a line."""
        line = self.all.get((rate, name))
        if line is None:
            goal = GOALS.get((rate, name), "")
            line = self.all[rate, name] = Line(f"{rate:,}/s: {name}", unit, values=[], goal=goal)
        line.values.append(value)


class Overrun(Exception):
    """The engine did not work off its orders; what is measured next would be measured behind them."""


class Market:
    """A running engine with ticks flowing: loads it with orders and tells how long they took. engine: its process."""

    def __init__(
        self, desk: Desk, consumer: AIOKafkaConsumer, engine: psutil.Process, lines: Lines
    ) -> None:
        self._desk = desk
        self._consumer = consumer
        self._engine = engine
        self._lines = lines

    async def load(self, run: str, rate: int, total: int) -> tuple[Arrivals, float, float, float]:
        """Sends orders at this rate: what was seen of them, when the first was due, the end, the worst lateness."""
        loop = asyncio.get_running_loop()
        arrivals = Arrivals(run, total)
        watching = asyncio.create_task(arrivals.watch(self._consumer))
        start = loop.time() + LEAD_S
        try:
            late = await flow(total, rate, start, lambda due: self._desk.order(run, due))
            await self._desk.settle()
            filled = asyncio.create_task(arrivals.filled_all.wait())
            done, _ = await asyncio.wait(
                {filled, watching},
                timeout=DRAIN_SECONDS_MAX,
                return_when=asyncio.FIRST_COMPLETED,
            )
            filled.cancel()
            if watching in done:
                watching.result()  # it ends by an error alone
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        return arrivals, start, loop.time(), late

    async def warm_up(self) -> None:
        """Trades until every order of a run fills, which needs a mark in every cell. RuntimeError if none does."""
        for number in range(WARM_UPS_MAX):
            arrivals, *_ = await self.load(f"warm{number}", WARM_UP_RATE, WARM_UP_ORDERS)
            if arrivals.fills == WARM_UP_ORDERS:
                return
        seen = f"{arrivals.fills} of {WARM_UP_ORDERS} orders filled; refused: {arrivals.refused}"
        raise RuntimeError(f"the engine does not get going: {seen}")

    async def measure(self, number: int, rate: int, seconds: float) -> None:
        """One round at one rate. Raises Overrun."""
        total, spent = int(rate * seconds), self._spent()
        arrivals, start, end, late = await self.load(f"r{number}-{rate}", rate, total)
        if arrivals.fills < total:
            raise Overrun(
                f"round {number}, {rate:,}/s: {arrivals.fills:,} of {total:,} orders filled within "
                f"{DRAIN_SECONDS_MAX:g} s of the last; refused: {dict(arrivals.refused)}"
            )
        filled = latencies_ms(arrivals.filled, rate, start)
        decided = latencies_ms(arrivals.decided, rate, start)
        for name, share in FILLED_SHARES.items():
            self._lines.add(rate, f"order to fill, {name}", "ms", percentile(filled, share))
        for name, share in DECIDED_SHARES.items():
            self._lines.add(rate, f"order to decision, {name}", "ms", percentile(decided, share))
        self._lines.add(rate, "filled", "orders/s", total / (max(arrivals.filled) - start))
        self._lines.add(rate, "generator's worst lateness", "ms", 1000 * late)
        busy = (self._spent() - spent) / (end - start)
        self._lines.add(rate, "worker's CPU", "cores", busy)

    def _spent(self) -> float:
        """CPU seconds of the engine so far."""
        times = self._engine.cpu_times()
        return float(times.user + times.system)


@asynccontextmanager
async def market(brokers: str, engine: psutil.Process, lines: Lines) -> AsyncIterator[Market]:
    """Ticks flow as long as this lasts."""
    loop = asyncio.get_running_loop()
    async with (
        AIOKafkaProducer(bootstrap_servers=brokers) as for_orders,
        AIOKafkaProducer(bootstrap_servers=brokers) as for_quotes,
        committed(brokers) as consumer,
    ):
        await publish(for_orders)
        await follow(consumer, DECISIONS, FILLS)
        desk = Desk(for_orders, for_quotes)
        total = QUOTES_RATE * 3600 * HOURS_OF_QUOTES
        ticking = asyncio.create_task(flow(total, QUOTES_RATE, loop.time(), desk.quote))
        try:
            yield Market(desk, consumer, engine, lines)
        finally:
            ticking.cancel()
            with suppress(asyncio.CancelledError):
                await ticking  # raises what ended it, if something did
            await desk.settle()


async def rounds(context: Context, at: Market, seconds: float, loads: list[float]) -> str:
    """Warms up, then measures every rate in turn, over and over. Returns why it ended before its time, or ""."""
    await at.warm_up()
    for number in range(1, context.rounds + 1):
        loads.append(os.getloadavg()[0])
        for rate in RATES:
            context.say(f"round {number}: {rate:,} orders/s for {seconds:g} s")
            try:
                await at.measure(number, rate, seconds)
            except Overrun as overrun:
                return f"given up: {overrun}"
    return ""


async def measure(context: Context, brokers: str, pid: int, seconds: float) -> Row:
    """The row, from a running engine."""
    lines, loads = Lines(), list[float]()
    async with market(brokers, psutil.Process(pid), lines) as at:
        ended = await rounds(context, at, seconds, loads)
    missing = [f"{rate:,}/s" for rate in RATES if not any(key[0] == rate for key in lines.all)]
    return Row(
        code="P2",
        name="latency",
        title=f"{seconds:g} s of market orders, open loop, with {QUOTES_RATE:,} quotes/s, {PARTITIONS} partitions",
        lines=[lines.all[key] for key in sorted(lines.all, key=lambda key: key[0])]
        + [Line(name, "", not_run=ended) for name in missing],
        loads=loads,
        notes=[
            f"{ACCOUNTS} accounts, {len(SYMBOLS)} symbols without latency of their own; latency counts from the moment "
            "the order was due; generator and reader are one process on the same cores",
            "a fill needs a quote of its symbol that is not older than the order's arrival",
            *([ended] if ended else []),
        ],
    )


def run(context: Context) -> Row:
    """Starts a broker and one worker, and loads it."""
    seconds = SMOKE_SECONDS if context.smoke else SECONDS
    directory = context.directory / "latency"
    directory.mkdir()
    with cluster(directory) as brokers, running(worker(brokers, directory)) as engine:
        assert engine.pid is not None, "a ready service has a process"
        return asyncio.run(measure(context, brokers, engine.pid, seconds))
