"""The whole system of one data directory: started part by part, kept running, stopped in order."""

import asyncio
import json
import os
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx

from api import feeding, reference
from api.feeding import Feed
from api.supervisor.directory import DataDirectory, Run
from api.supervisor.keeper import Part, keep, start_and_keep
from api.supervisor.plan import UpPlan
from api.supervisor.services import FEED_SUMMARY, Services
from api.supervisor.stopping import BUDGET_S, Stop, stop_in_order
from api.supervisor.stores import Stores
from api.supervisor.threads import in_thread
from streams import admin
from streams.feeds.kraken import KrakenSource
from streams.feeds.source import Source
from streams.feeds.synthetic import ROUNDS_START
from streams.instruments import Instrument
from streams.processes import LocalPartError
from streams.settings import Settings
from streams.topics import TRADES

FEED_S, WORKER_S, DRAIN_S, SINK_S, API_S = 2.0, 3.5, 1.5, 1.5, 1.0
STORE_S = 2.5
WARMUP_S = 40.0
"""Of the synthetic market's past on an empty system: windows fill and models have labels at the first live tick."""


class System:
    """Call `start`, then `attend`; whatever happened, end with `stop`."""

    def __init__(
        self, data: DataDirectory, settings: Settings, plan: UpPlan, say: Callable[[str], None]
    ) -> None:
        self._data = data
        self._plan = plan
        self._say = say
        self._stores = Stores(data.root, say)
        self._services: Services | None = None
        self._keeping: dict[str, asyncio.Task[None]] = {}
        self._account = settings.strategy_account
        self.settings = settings
        self.run: Run | None = None
        self.began_empty = False
        self.instruments: dict[str, Instrument] = {}

    async def start(self) -> None:
        """Starts everything; LocalPartError names what did not start."""
        source, _ = await asyncio.gather(feeding.open_source(self._plan.feed), self._stores.start())
        self.instruments = {instrument.symbol: instrument for instrument in source.instruments}
        self.settings = self._settle(source)
        await self._prepare_topics(source)
        plan = _chosen(self._plan, source)
        if self.began_empty and plan.feed.feed is Feed.SYNTHETIC and not plan.lockstep:
            plan = replace(plan, feed=replace(plan.feed, warmup_s=WARMUP_S))
        services = Services(self._data, self.settings, plan)
        self._services = services
        self._say("worker, sink and api: starting")
        await asyncio.gather(*(in_thread(part.start, part.name) for part in services.engine))
        self.run = _run(self.settings, services, source.status.choice)
        self._data.publish(self.run)
        token = f"  token: {services.api_token}" if services.api_token else ""
        self._say(f"live page and API: {services.api_url}/{token}")
        self._say(f"feed: {source.status.choice}")
        await in_thread(services.feed.start, "feed")
        parts: tuple[Part, ...] = (*services.all, *self._stores.parts)
        for part in parts:
            keeping = start_and_keep if part in services.beside else keep
            self._keeping[part.name] = asyncio.create_task(keeping(part, self._say))

    async def attend(self, stop: asyncio.Event) -> None:
        """Returns when `stop` is set, or a bounded feed has ended. Raises NeedsPerson."""
        stopping = asyncio.create_task(stop.wait())
        pending: set[asyncio.Task[Any]] = {stopping, *self._keeping.values()}
        try:
            while stopping in pending:
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
                if self._plan.seconds is not None and self._keeping["feed"] in done:
                    return
        finally:
            stopping.cancel()

    def feed_summary(self) -> dict[str, Any]:
        """What the feed said of itself when it ended; empty while it has not."""
        summary = self._data.root / FEED_SUMMARY
        return dict(json.loads(summary.read_text())) if summary.exists() else {}

    async def stop(self) -> list[str]:
        """Stops all parts in order within ten seconds; returns the names of those that had to be killed."""
        until = time.monotonic() + BUDGET_S
        for task in self._keeping.values():
            task.cancel()
        await asyncio.gather(*self._keeping.values(), return_exceptions=True)
        killed: list[str] = []
        if self._services is not None:
            services = self._services
            killed += await stop_in_order(
                [Stop(services.feed, FEED_S), Stop(services.worker, WORKER_S)], until
            )
            await self._drain(services)
            rest = [Stop(part, SINK_S) for part in (*services.beside, services.sink)]
            killed += await stop_in_order([*rest, Stop(services.api, API_S)], until)
        stores = [Stop(part, STORE_S) for part in self._stores.parts]
        return killed + await stop_in_order(stores, until)

    def _settle(self, source: Source) -> Settings:
        """The settings with where the embedded servers listen, and the account in the feed's currency."""
        stores = self._stores
        return self.settings.model_copy(
            update={
                "brokers": stores.kafka.bootstrap,
                "postgres_url": stores.postgres.url,
                "redis_url": stores.valkey.url,
                "data": self._data.root,
                "strategy_account": reference.account_of(self._account, _currencies(source)[0]),
            }
        )

    async def _prepare_topics(self, source: Source) -> None:
        settings = self.settings
        created = await admin.apply(settings.brokers, settings.partitions, embedded=True)
        self.began_empty = TRADES.name in created
        if created:
            self._say(f"{len(created)} topics created")
        problems = await admin.check(settings.brokers, settings.partitions)
        if problems:
            raise LocalPartError("topics", "; ".join(map(str, problems)))
        records = reference.instruments(source.instruments)
        for currency in sorted({reference.BASE_CURRENCY, *_currencies(source)}):
            records += reference.paper_account(self._account, currency)
        await reference.publish(settings.brokers, records, self._reference_ms())

    def _reference_ms(self) -> int | None:
        """In lockstep the reference data are as old as the market, so that their records repeat too."""
        return ROUNDS_START // 1_000_000 if self._plan.lockstep else None

    async def _drain(self, services: Services) -> None:
        """Give the sink a moment to store what the worker has written last; the rest waits in the log."""
        url = f"{services.addresses.sink}/status"
        until = time.monotonic() + DRAIN_S
        async with httpx.AsyncClient(timeout=0.5) as client:
            while services.sink.poll() is None and time.monotonic() < until:
                try:
                    status = (await client.get(url)).json()
                except (httpx.HTTPError, ValueError):
                    return
                if not status.get("lag_records") and not status.get("held_records"):
                    return
                await asyncio.sleep(0.1)


def _currencies(source: Source) -> list[str]:
    """What the feed's symbols are quoted in, the most frequent first."""
    quoted = Counter(instrument.quote for instrument in source.instruments)
    return sorted(quoted, key=lambda currency: (-quoted[currency], currency))


def _chosen(plan: UpPlan, source: Source) -> UpPlan:
    """The plan with the source that `auto` has chosen."""
    if plan.feed.feed is not Feed.AUTO:
        return plan
    feed = Feed.KRAKEN if isinstance(source, KrakenSource) else Feed.SYNTHETIC
    symbols = tuple(instrument.symbol for instrument in source.instruments)
    return replace(plan, feed=replace(plan.feed, feed=feed, symbols=symbols))


def _run(settings: Settings, services: Services, feed: str) -> Run:
    at = services.addresses
    return Run(
        pid=os.getpid(),
        app=settings.app,
        brokers=settings.brokers,
        partitions=settings.partitions,
        postgres_url=settings.postgres_url,
        redis_url=settings.redis_url,
        api_url=services.api_url,
        worker_url=at.worker,
        sink_url=at.sink,
        feed_url=at.feed,
        feed=feed,
        strategy=settings.strategy,
        strategy_params=settings.strategy_params,
        strategy_account=settings.strategy_account,
        api_token=services.api_token,
        api_ops_url=at.api,
        promotion=settings.promotion,
        promotion_url=at.promotion,
    )
