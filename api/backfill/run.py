"""The run of a backfill: each chunk is fetched, judged, and stored or refused, until somebody stops it."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from api.backfill import rows
from api.backfill.client import Failed, World
from api.backfill.fetched import Fetched, Unfit
from api.backfill.order import Chunk, Order
from api.backfill.progress import Progress
from api.backfill.record import Ending, Record, Run, RunRefused, Step
from api.backfill.retry import MustWait
from models.quality import candles
from models.quality.candles import CandleRules
from models.quality.constraints import Column
from models.quality.verdict import Result, Verdict
from streams.crash import Passage, nowhere
from streams.instants import SECOND

BEAT_S = 10.0
POINTS = ("begun", "fetching", "fetched", "validated", "loading", "loaded", "ending")
"""Where a test can kill a run."""


class Source(Protocol):
    """Whoever fetches a chunk: see `kraken` and `coingecko`."""

    async def fetch(self, chunk: Chunk, after_trade: int | None) -> Fetched: ...


class Judge(Protocol):
    """Whoever says whether bars are fit: see `models.quality.validator`."""

    def validate(self, name: str, columns: Mapping[str, Column], rules: CandleRules) -> Verdict: ...

    def close(self) -> None: ...


@dataclass
class Backfill:
    """One run on its way. stop: set by whoever wants it to end after the chunk at hand."""

    run: Run
    record: Record
    source: Source
    judge: Judge
    progress: Progress
    world: World
    passage: Passage = nowhere
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    changed: int = 0

    async def all(self) -> Ending:
        """Do what is left of it. Raises RunRefused where the run is another's by now."""
        self.passage("begun")
        beating = asyncio.create_task(self._beat())
        try:
            ending = await self._steps()
        finally:
            beating.cancel()
            with suppress(asyncio.CancelledError, RunRefused):
                await beating
        self.passage("ending")
        return ending

    async def _steps(self) -> Ending:
        after: int | None = None
        for step in self.run.steps:
            if step.state != "loaded":
                if self.stop.is_set():
                    return Ending("cancelled")
                try:
                    await self._step(step, after)
                except MustWait as error:
                    at = self._now() + int(error.seconds * SECOND)
                    return Ending("waiting", error=str(error), resume_at=at)
                except Failed as error:
                    await self.record.mark(self.run, step, "failed", str(error))
                    return Ending("failed", error=str(error))
                self.progress.done()
            after = step.last_trade if step.state == "loaded" else None
        refused = [step.chunk.number for step in self.run.steps if step.state != "loaded"]
        if refused:
            return Ending("partial", error=f"in quarantine: {refused}")
        return Ending("succeeded")

    async def _step(self, step: Step, after: int | None) -> None:
        """One chunk, from fetching to its end. Raises MustWait, Failed."""
        await self.record.mark(self.run, step, "fetching")
        self.passage("fetching")
        try:
            fetched = await self.source.fetch(step.chunk, after)
        except Unfit as error:
            verdict = Verdict((Result(error.expectation, False, error.observed),))
            await rows.refuse(self.record, self.run, step, Fetched(()), verdict, error.rows)
            self.progress.say(f"chunk {step.chunk.number}: {error}")
            return
        self.passage("fetched")
        await self._judged(step, fetched)

    async def _judged(self, step: Step, fetched: Fetched) -> None:
        rules = chunk_rules(self.run.order, step.chunk, self._now())
        columns = candles.columns(fetched.bars)
        name = f"{self.run.run_id} chunk {step.chunk.number}"
        verdict = await asyncio.to_thread(self.judge.validate, name, columns, rules)
        if not verdict.valid:
            await rows.refuse(self.record, self.run, step, fetched, verdict)
            self.progress.say(f"chunk {step.chunk.number}: {verdict.reason}")
            return
        await self.record.mark(self.run, step, "validated")
        self.passage("validated")
        gaps = candles.gaps(columns, rules)
        self.changed += await rows.load(
            self.record, self.run, step, fetched, verdict, gaps=gaps, passage=self.passage
        )
        self.progress.rows += len(fetched.bars) + len(fetched.references)
        self.passage("loaded")

    def _now(self) -> int:
        return int(self.world.now() * SECOND)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            await self.record.beat(self.run)


def chunk_rules(order: Order, chunk: Chunk, now: int) -> CandleRules:
    """What the bars of a chunk are judged by."""
    return CandleRules(
        symbol=order.symbol,
        interval=order.interval,
        source=order.source,
        since=chunk.since,
        until=chunk.until,
        as_of=now,
        tick=order.tick,
        has_volume=order.source != "coingecko",
    )
