"""The kill switch is pulled among two thousand orders, then over positions: how soon it blocks, cancels, closes."""

import asyncio
import time
from contextlib import suppress
from pathlib import Path

from api import producing
from api.demo import kill as switch
from api.demo.engine import DemoEngine, engine
from api.demo.scenario import Scenario
from api.demo.script import MS, START_MS, Put, groups
from api.drills.report import Report
from api.ending import Ended
from api.kill_watch import Effects, KillWatch
from streams import control, log
from streams.exits import Exit
from streams.local_part import Progress
from streams.messages import Fill
from streams.orders import New, encode, time_text
from streams.topics import FILLS, ORDERS

BLOCKED_S_MAX = 2.0
FLATTENED_S_MAX = 60.0
QUOTE_EVERY_S = 0.2
FILL_S = 60.0
REASON = "drill"


async def drill(directory: Path, say: Progress) -> Report:
    """On a broker and a worker of its own, on simulated accounts."""
    report = Report("kill")
    async with engine(directory, say, lockstep=False) as running:
        found = await switch.show(running, say)
        say(
            "the switch is released, each account buys, and it is pulled again, to close what they hold"
        )
        closed = await _flatten(running)
    report.rto_s = found.cancelled_s
    report.sizes["orders"] = found.resting + found.queued
    report.check(
        f"blocked on every partition within {BLOCKED_S_MAX:g} s",
        0 < found.blocked_s <= BLOCKED_S_MAX,
        f"{found.blocked_s:.3f} s",
    )
    report.check("nothing accepted afterwards", not found.late, ", ".join(found.late[:3]))
    report.check("no order left open", not found.left, ", ".join(found.left[:3]))
    report.check("what came meanwhile was refused", found.refused > 0, f"{found.refused} refused")
    report.sizes["positions"] = len(closed.closing)
    report.check(
        f"every position closed within {FLATTENED_S_MAX:g} s",
        len(closed.closing) == switch.ACCOUNTS
        and closed.flattened_s is not None
        and closed.flattened_s <= FLATTENED_S_MAX,
        f"{len(closed.closing)} positions, {closed.flattened_s or float('inf'):.3f} s",
    )
    return report


async def _flatten(running: DemoEngine) -> Effects:
    """Each account opens a position, and the switch closes them while the market goes on."""
    await _throw(running, control.Kill(scope="global", action="resume", reason=REASON, seq=2))
    await _until_each_holds(running)
    quoting = asyncio.create_task(_quote(running))
    try:
        async with log.reader(running.brokers) as reader:
            watch = KillWatch(reader)
            cells = await watch.place()
            kill = control.Kill(scope="global", action="kill", reason=REASON, flatten=True, seq=3)
            at = await producing.send_control(running.producer, kill, START_MS)
            return await watch.follow(at, cells, FLATTENED_S_MAX)
    finally:
        quoting.cancel()
        with suppress(asyncio.CancelledError):
            await quoting


async def _throw(running: DemoEngine, record: control.Kill) -> None:
    await producing.send_control(running.producer, record, START_MS)
    await running.rest()


async def _quote(running: DemoEngine) -> None:
    while True:
        await running.put(groups(switch.markets())[0])
        await asyncio.sleep(QUOTE_EVERY_S)


async def _until_each_holds(running: DemoEngine) -> None:
    until, waiting, attempt = time.monotonic() + FILL_S, {m.account for m in switch.markets()}, 0
    while waiting:
        if time.monotonic() > until:
            raise Ended(Exit.STALLED, f"no order of {', '.join(sorted(waiting))} was filled")
        buying = [m for m in switch.markets() if m.account in waiting]
        await running.put(groups(buying)[0])
        await running.put(_buy(market, f"buy-{attempt}") for market in buying)
        await running.put(groups(buying)[0])
        await running.rest()
        fills: list[Fill] = await running.messages(FILLS.name)
        waiting -= {fill.account for fill in fills}
        attempt += 1


def _buy(market: Scenario, name: str) -> Put:
    order = New(
        v=1, cmd="new", account=market.account, client_order_id=name, created_at=time_text(START_MS * MS),
        symbol=market.instrument.symbol, side="buy", type="market", qty="0.001",
    )  # fmt: skip
    return Put(ORDERS, market.account, encode(order), START_MS)
