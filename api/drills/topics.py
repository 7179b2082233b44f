"""Every topic is deleted; they are created anew, the engine starts on them and fills its first order."""

import asyncio
import time
from pathlib import Path

from api.demo import script
from api.demo.engine import PARTITIONS, STOP_S, DemoEngine, engine
from api.demo.scenario import Scenario
from api.demo.script import MS, START_MS, Put
from api.drills.report import Report
from api.ending import Ended
from api.supervisor.threads import in_thread
from streams import admin, log
from streams.exits import Exit
from streams.local_part import Progress
from streams.orders import New, encode, time_text
from streams.topics import CATALOGUE, FILLS, ORDERS

GONE_S, FILL_S = 30.0, 60.0
MARKET = Scenario(
    number="D1", title="quiet", market=("0 quote 50000.0 50000.1",), fills=(), events=(), net="0"
)
LOST = "what had not been stored or read before the loss"


async def drill(directory: Path, say: Progress) -> Report:
    """On a broker and a worker of its own."""
    report = Report("topics")
    async with engine(directory, say, lockstep=False) as running:
        await _fill(running, "before")
        had = await _counts(running.brokers)
        report.sizes["records"] = sum(had.values())
        await in_thread(lambda: running.worker.stop(STOP_S), "worker")
        await _delete(running.brokers)
        say("all topics are gone")
        with report.recovering():
            await admin.apply(running.brokers, PARTITIONS, embedded=True)
            problems = await _settled(running.brokers)
            report.check("the topics agree with the catalogue", not problems, _first(problems))
            await running.start_anew(generation=2)
            report.check("the worker is ready", True)
            await _fill(running, "after")
        report.check("the first order is filled", True)
        left = await _counts(running.brokers)
        report.check("what was is not mixed with what is", left[FILLS.name] == 1)
        report.notes.append(
            "does not come back by itself: reference data, cash and limits on control (published again), every "
            f"position and open order, and of these {report.sizes['records']} records {LOST}"
        )
    return report


async def _settled(brokers: str) -> list[admin.Problem]:
    """What is wrong with the topics once the broker knows them all."""
    until = time.monotonic() + GONE_S
    problems = await admin.check(brokers, PARTITIONS)
    while problems and time.monotonic() < until:
        await asyncio.sleep(0.05)
        problems = await admin.check(brokers, PARTITIONS)
    return problems


def _first(problems: list[admin.Problem]) -> str:
    return str(problems[0]) if problems else ""


async def _delete(brokers: str) -> None:
    names = [topic.name for topic in CATALOGUE]
    async with admin.client(brokers) as client, asyncio.timeout(GONE_S):
        await client.delete_topics(names)
        while set(await client.list_topics()) & set(names):  # noqa: ASYNC110  nothing to wait for
            await asyncio.sleep(0.05)


async def _counts(brokers: str) -> dict[str, int]:
    return {topic.name: len(await log.read_all(brokers, topic.name)) for topic in CATALOGUE}


async def _fill(running: DemoEngine, name: str) -> None:
    """Reference data, a market and orders until one is filled: marks take a way of their own."""
    await running.reference(script.reference(MARKET), START_MS)
    until, attempt = time.monotonic() + FILL_S, 0
    while not await running.messages(FILLS.name):
        if time.monotonic() > until:
            raise Ended(Exit.STALLED, f"no order was filled within {FILL_S:g} s")
        await running.put(script.groups((MARKET,))[0])
        await running.put([_order(f"{name}-{attempt}")])
        attempt += 1


def _order(name: str) -> Put:
    order = New(
        v=1, cmd="new", account=MARKET.account, client_order_id=name,
        created_at=time_text(START_MS * MS), symbol=MARKET.instrument.symbol, side="buy",
        type="market", qty="0.001",
    )  # fmt: skip
    return Put(ORDERS, MARKET.account, encode(order), START_MS)
