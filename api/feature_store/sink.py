"""The feature sink's composition root: log, store, meter and ops port in one process, the only one that pushes."""

import asyncio

from api.process import serving
from models.feature_store.place import Place
from models.feature_store.push import AWAY, Pusher
from models.feature_store.store import check, claim, open_store
from sinks.features import FeatureSink, Newest, Pushed, Target
from streams.exits import Exit
from streams.settings import Settings


async def run(settings: Settings, place: Place) -> Exit:
    """Push until SIGTERM or SIGINT; the exit code. Raises NotApplied, PlaceRefused and what a store raises."""
    await asyncio.to_thread(claim, place)
    store = await asyncio.to_thread(open_store, place)
    await asyncio.to_thread(check, store)
    pusher = Pusher(store)

    def push(newest: Newest) -> Pushed:
        return pusher.features(newest.features) | pusher.accounts(newest.positions)

    async with serving(settings) as process:
        group = f"{settings.app}-features-{place.project}"
        sink = FeatureSink(settings.brokers, group, Target(push, AWAY), process.meter)
        process.show(sink.status)
        process.ready_when(
            {
                "assigned": sink.is_assigned,
                "feature-store": sink.is_connected,
                "running": lambda: not process.stop.is_set(),
            }
        )
        return await sink.run(process.stop)
