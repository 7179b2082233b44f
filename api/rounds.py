"""The lockstep feed: one round of event time, then the next once the engine has worked off the last."""

import asyncio
from itertools import islice
from typing import Any

from agents import configured
from api import reference
from api.ending import Ended
from api.feed_report import FeedReport
from api.feeding import FeedPlan, simulated
from api.process import serving
from streams import lag
from streams.exits import Exit
from streams.feeds import synthetic
from streams.feeds.rounds import publish_rounds
from streams.settings import Settings
from streams.topics import CATALOGUE

ROUND_MS = 1000
IDLE_DEADLINE_S = 60.0
POLL_S = 0.02


def committed_inputs(settings: Settings) -> list[str]:
    """The topics whose offsets the engine's group commits; broadcast ones are kept in the tables instead."""
    inputs = {
        source.topic.name
        for group in configured.groups(settings)
        for source in group.inputs
        if not source.broadcast
    }
    return sorted(inputs)


async def publish_until_idle(plan: FeedPlan, settings: Settings, seconds: float) -> dict[str, Any]:
    """Publishes `seconds` of event time of the synthetic market; returns the feed's status at the end."""
    instruments = simulated(plan.symbols)
    await reference.publish(settings.brokers, reference.instruments(instruments))
    count = max(1, round(seconds * 1000 / ROUND_MS))
    rounds = synthetic.rounds(plan.seed, ROUND_MS, instruments=instruments)
    names = [topic.name for topic in CATALOGUE]
    source = synthetic.SyntheticSource(plan.seed, instruments=instruments)
    source.status.choice = f"{source.name}, {count} rounds of {ROUND_MS} ms in lockstep"
    async with (
        serving(settings) as process,
        lag.watch(settings.brokers, settings.app, committed_inputs(settings), names) as behind,
    ):
        report = FeedReport(source, process.meter)
        process.show(report.status)
        process.ready_when({})

        async def idle() -> None:
            await _until_at_rest(behind, process.stop)

        await idle()
        report.sent = await publish_rounds(
            islice(rounds, count),
            settings.brokers,
            partitions=settings.partitions,
            idle=idle,
            on_progress=report,
        )
    return report.status()


async def _until_at_rest(behind: lag.Lag, stop: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(IDLE_DEADLINE_S):
            while not await behind.at_rest():
                if stop.is_set():
                    raise Ended(Exit.CLEAN, "stopped before all rounds were published")
                await asyncio.sleep(POLL_S)
    except TimeoutError as error:
        left = await behind.records() or "a transaction is open"
        sentence = f"the engine did not work off a round within {IDLE_DEADLINE_S:g} s; left: {left}"
        raise Ended(Exit.STALLED, sentence) from error
