"""P9: from the command `headrace up` to the first fill, on a machine that has the packages.

Two fills are waited for: that of an order sent from the command line as soon as there is a price, and the first one of
the strategy, whose features have to be warm in event time.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from aiokafka import AIOKafkaConsumer, TopicPartition

from api.supervisor import directory
from api.supervisor.directory import Run
from streams import log
from streams.jars import jars_of
from streams.local import KAFKA_JARS
from streams.messages import Fill, Mark
from streams.processes import Child, Command
from streams.topics import FILLS, MARKS
from tests.bench.context import ROOT, Context
from tests.bench.row import Line, Row
from tests.bench.workers import committed

SYMBOL, QUANTITY, ACCOUNT = "BTC/USD.SIM", "0.01", "paper"
ORDER_ID = "bench"
REJECTED = 1
"""Exit code of `headrace order` for an order that risk refused, as it does while the price is stale."""

UP_SECONDS_MAX = 90.0
PRICE_SECONDS_MAX = 60.0
ORDER_SECONDS_MAX = 90.0
FILLS_SECONDS_MAX = 150.0
STOP_SECONDS_MAX = 15.0
POLL_S = 0.02
POLL_MS = 500
HEADRACE = (sys.executable, "-P", "-m", "api.cli")


class Fills:
    """The fills of a system that began empty, in the order in which they are committed."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer
        self.ordered = asyncio.Event()
        self.traded = asyncio.Event()
        self.priced = asyncio.Event()
        self.at: dict[str, float] = {}

    async def watch(self) -> None:
        """Reads on until cancelled."""
        self._consumer.assign(await log.partitions_of(self._consumer, [FILLS.name, MARKS.name]))
        while True:
            for place, records in (await self._consumer.getmany(timeout_ms=POLL_MS)).items():
                for record in records:
                    self._take(place, record.value)

    def _take(self, place: TopicPartition, value: bytes) -> None:
        if place.topic == MARKS.name:
            mark: Mark = MARKS.decode(value)
            if mark.symbol == SYMBOL and mark.status == "live":
                self.priced.set()
            return
        fill: Fill = FILLS.decode(value)
        mine = fill.client_order_id.startswith(ORDER_ID)
        name, event = ("order", self.ordered) if mine else ("strategy", self.traded)
        self.at.setdefault(name, time.monotonic())
        event.set()


@contextmanager
def up(data: Path) -> Iterator[Child]:
    """`headrace up` on a new data directory, stopped in the end."""
    log_file = data.with_name(f"{data.name}.log")
    arguments = [*HEADRACE, "up", "--no-view", "--feed", "synthetic", "--data", str(data)]
    child = Child(Command(arguments, ROOT, log_file))
    try:
        yield child
    finally:
        child.stop(signal.SIGTERM, STOP_SECONDS_MAX)


async def answering(child: Child, data: Path) -> Run:
    """Where the system listens, once its broker and worker answer. RuntimeError if it ends before."""
    async with asyncio.timeout(UP_SECONDS_MAX):
        while (found := directory.running(data)) is None:
            if child.poll() is not None:
                raise RuntimeError(f"`headrace up` ended: {child.log_tail()}")
            await asyncio.sleep(POLL_S)
    return found


async def order(data: Path, number: int) -> tuple[int, str]:
    """Sends one market order by the command line: its exit code and what it said."""
    sending = await asyncio.create_subprocess_exec(
        *HEADRACE, "order", "--account", ACCOUNT, "--symbol", SYMBOL, "--side", "buy",
        "--quantity", QUANTITY, "--id", f"{ORDER_ID}-{number}", "--data", str(data), "--wait",
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        output, _ = await sending.communicate()
    finally:
        if sending.returncode is None:
            sending.kill()
            await sending.wait()
    return await sending.wait(), output.decode(errors="replace")


async def ordered(data: Path) -> int:
    """Sends orders until one is accepted: how many it took. RuntimeError if none is within the time."""
    until = time.monotonic() + ORDER_SECONDS_MAX
    for number in count(1):
        code, said = await order(data, number)
        if code == 0:
            return number
        if code != REJECTED or time.monotonic() > until:
            raise RuntimeError(f"`headrace order` number {number} ended with {code}: {said}")
    raise AssertionError("numbers do not end")


async def first_fills(child: Child, data: Path, began: float) -> dict[str, float]:
    """Seconds from the command to each of the milestones, and how many orders it took."""
    system = await answering(child, data)
    seconds = {"answers": time.monotonic() - began}
    async with committed(system.brokers) as consumer:
        fills = Fills(consumer)
        watching = asyncio.create_task(fills.watch())
        try:
            async with asyncio.timeout(PRICE_SECONDS_MAX):
                await fills.priced.wait()
            seconds["price"] = time.monotonic() - began
            seconds["tries"] = await ordered(data)
            async with asyncio.timeout(FILLS_SECONDS_MAX):
                await fills.ordered.wait()
                await fills.traded.wait()
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
    seconds |= {name: moment - began for name, moment in fills.at.items()}
    return seconds | {"fill": min(seconds["order"], seconds["strategy"])}


def run(context: Context) -> Row:
    """Starts the whole system on an empty directory, once a round."""
    jars_of(KAFKA_JARS, part="Kafka", progress=context.say)  # the packages are there, says the row
    lines = {
        "answers": Line("broker and worker answer", "s", []),
        "price": Line("first price", "s", []),
        "tries": Line("orders sent until one was accepted", "orders", []),
        "order": Line("first fill by `headrace order`", "s", []),
        "strategy": Line("first fill by the strategy", "s", []),
        "fill": Line("first fill", "s", [], goal="<= 15 s"),
    }
    loads = []
    for number in range(1, context.rounds + 1):
        loads.append(os.getloadavg()[0])
        data = context.directory / f"startup-{number}"
        began = time.monotonic()
        with up(data) as child:
            for name, seconds in asyncio.run(first_fills(child, data, began)).items():
                lines[name].values.append(seconds)
        context.say(
            f"round {number}: {', '.join(f'{n} {line.values[-1]:.1f} s' for n, line in lines.items())}"
        )
    return Row(
        code="P9",
        name="startup",
        title="`headrace up --feed synthetic` on an empty data directory, to its first fills",
        lines=list(lines.values()),
        loads=loads,
        notes=[
            "all from the moment the command was given; Kafka's jars and the Python packages are on the machine",
            "the order is sent by a process of its own as soon as a price is seen, its start included",
            "the strategy waits until its features are warm, in event time",
        ],
    )  # fmt: skip
