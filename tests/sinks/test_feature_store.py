"""The feature store on real Feast, PostgreSQL and Valkey: four ways to a vector, the same bits, and its traps."""

import asyncio
import dataclasses
import warnings
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from api.verify.history import History
from models.feature_store import place as places
from models.feature_store.place import Place
from models.feature_store.sets import MICRO
from streams import topics
from streams.predictions import Features
from tests.faults.cluster import PARTITIONS
from tests.replay.memory_log import MemoryLog
from tests.sinks import feature_flow
from tests.sinks.conftest import empty_database

pytestmark = [pytest.mark.feast, pytest.mark.timeout(120)]

MINUTE_NS = 60 * 10**9
LIVE_DATABASE = 3


@pytest.fixture(scope="module")
def feast() -> Any:
    """Feast and what is built on it; warnings that it raises while it is imported are its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from api.feature_store import parity
        from models.feature_store import apply, push, read, store

    return SimpleNamespace(parity=parity, apply=apply, push=push, read=read, store=store)


@dataclasses.dataclass
class Scene:
    """A run, its rows in a database, and the stores that the feature sink fills from the topics."""

    feast: Any
    kafka: str
    place: Place
    history: History
    store: Any

    def parity(self, history: History | None = None) -> Any:
        """What the comparison of four ways finds; every row is compared."""
        wanted = self.feast.parity.Wanted(None, None, 0)
        log = MemoryLog(history or self.history)
        return asyncio.run(
            self.feast.parity.prove(log, feature_flow.GROUPS, PARTITIONS, self.store, MICRO, wanted)
        )

    def reader(self) -> Any:
        return self.feast.read.OnlineFeatures(self.store)

    def vectors(self) -> list[Features]:
        return [
            topics.FEATURES.decode(record.value or b"")
            for record in self.history.of(topics.FEATURES.name)
        ]

    def push(self, rows: list[Features]) -> None:
        self.feast.push.Pusher(self.store).features(rows)


@pytest.fixture(scope="module")
def scene(feast: Any, kafka: str, postgres: str, valkey: str) -> Iterator[Scene]:
    """All of it, with the sink run once over the topics."""
    history = feature_flow.live()
    with empty_database(postgres) as database:
        feature_flow.store(database, history)
        redis_url = valkey.replace("/0", f"/{LIVE_DATABASE}")
        place = places.live("feature-flow", database, redis_url)
        for topic in feature_flow.STORED:
            feature_flow.produce(kafka, history.of(topic.name))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            store = feast.apply.apply(place)
            feature_flow.sink_once(kafka, feast.push.Pusher(store))
            yield Scene(feast, kafka, place, history, store)
            close(store)


def close(store: Any) -> None:
    """Feast lets its sessions lie."""
    store.registry.write_engine.dispose()
    store.registry.read_engine.dispose()


def test_four_ways_to_a_vector_give_the_same_bits(scene: Scene) -> None:
    found = scene.parity()
    assert [str(each) for each in found.differences] == []
    rows = len(scene.vectors())
    assert rows > 200
    assert found.rows == {"log": rows, "recomputed": rows, "later": 0}
    symbols = {row.symbol for row in scene.vectors()}
    assert found.compared == {"recomputed": rows, "offline": rows, "online": len(symbols)}
