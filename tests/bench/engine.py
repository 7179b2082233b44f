"""The subject of the throughput row: the real `symbol` group in the real worker, on the topics that the suite loaded.

Each run has its own control, accepted orders and changelog, so it starts from nothing; its outputs go to the
catalogue's topics. Resting orders wait far from every market, so each tick pays for the trigger check.
"""

import asyncio
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from os import _exit
from pathlib import Path

from aiokafka import AIOKafkaProducer, TopicPartition

from agents import app
from agents.cells import SymbolTables
from agents.fold import Cell, Chunk
from agents.group import Group
from agents.meter import ProcessMeter
from agents.metrics import Metrics
from agents.observe import observer
from agents.routes import routes
from streams import admin, topics, transport
from streams.settings import Settings
from streams.topics import Topic
from tests.bench import reference
from tests.bench.load import KEYS, PARTITIONS, create
from tests.bench.market import START, symbols
from tests.bench.result import Digest, Result, Task, report, task

BEFORE_NS = 1_000_000_000
"""The resting orders are that much older than the first tick, and so are applied before it."""


class Setting:
    """One run's group and the topics that are its own."""

    def __init__(self, given: Task) -> None:
        self.name = f"bench-engine-{secrets.token_hex(4)}"
        symbol = next(group for group in routes(PARTITIONS) if group.name == "symbol")
        loaded = {
            topic.name: name for topic in topics.CATALOGUE for name in given.topics
            if name.endswith(f".{topic.name}")
        }  # fmt: skip
        self.made: dict[str, Topic] = {}

        def own(topic: Topic) -> Topic:
            if topic.name in loaded:
                return replace(topic, name=loaded[topic.name])
            name = f"{self.name}.{topic.name}"
            self.made[name] = topic
            return replace(topic, name=name)

        self.group: Group = replace(
            symbol,
            inputs=tuple(replace(each, topic=own(each.topic)) for each in symbol.inputs),
            changelog=own(symbol.changelog),
        )

    async def prepare(self, broker: str) -> None:
        """Makes the topics; puts reference data and resting orders there."""
        await admin.apply(broker, PARTITIONS, embedded=True)
        await create(broker, self.made)
        accepted_ms = (START - BEFORE_NS) // 1_000_000
        instruments = [reference.instrument(symbol) for symbol in symbols(KEYS)]
        async with AIOKafkaProducer(bootstrap_servers=broker) as producer:
            await reference.publish(producer, instruments, f"{self.name}.{topics.CONTROL.name}")
            for key, value in reference.resting(symbols(KEYS), START - BEFORE_NS):
                await producer.send(
                    f"{self.name}.{topics.ACCEPTED.name}", value, key, timestamp_ms=accepted_ms
                )


class Race:
    """From the first tick fetched to the last one's commit. begun, ended: are told of both."""

    def __init__(
        self, given: Task, begun: Callable[[], None], ended: Callable[[Result], None]
    ) -> None:
        self._given = given
        self._begun = begun
        self._ended = ended
        self.started = 0.0
        self.read = self.outputs = self.transactions = 0
        self.cells: Callable[[], Iterable[Cell]] = tuple

    def fetched(self, places: Iterable[TopicPartition]) -> None:
        """Records of these partitions have come."""
        if not self.started and any(place.topic in self._given.topics for place in places):
            self.started = time.perf_counter()
            self._begun()

    def committed(self, chunk: Chunk) -> None:
        """A transaction is through. Ends the race with the last tick."""
        assert not chunk.dead, f"ticks were refused: {chunk.dead}"
        self.transactions += 1
        self.outputs += len(chunk.outputs)
        ticks = (chunk.inputs.get(topic) for topic in self._given.topics)
        self.read += sum(span.events for span in ticks if span is not None)
        if self.read < self._given.events:
            return
        seconds = time.perf_counter() - self.started
        (cell,) = self.cells()
        state = digest(cell, self._given.topics)
        self._ended(Result(self.read, seconds, state, self.outputs, self.transactions))


def digest(cell: Cell, names: list[str]) -> Digest:
    """The state that the other contenders keep too. Checks that the resting orders are all still there."""
    tables = cell.tables
    assert isinstance(tables, SymbolTables), "the group is symbol"
    waiting, placed = len(tables.exchange.orders.committed), KEYS * len(reference.RESTING)
    assert waiting == placed, f"{waiting} of {placed} resting orders are left"
    markets = [state.price for state in tables.market.committed.values()]
    return Digest(
        keys=len(markets),
        mids=sum((price.bid + price.ask) / 2 for price in markets),
        count=sum(cell.progress.applied[name] for name in names),
    )


def run(given: Task, begun: Callable[[], None], ended: Callable[[Result], None]) -> int:
    """Runs the worker; returns its exit code if it stops before `ended` ends the process."""
    setting = Setting(given)
    asyncio.run(setting.prepare(given.broker))
    race = Race(given, begun, ended)

    class TimedConsumer(transport.Consumer):
        async def _fetch_free(self) -> dict[TopicPartition, list[object]]:
            fetched = await super()._fetch_free()
            race.fetched(fetched)
            return fetched

    transport.Transport.Consumer = TimedConsumer
    settings = Settings(
        app=setting.name,
        brokers=given.broker,
        partitions=PARTITIONS,
        data=Path(tempfile.mkdtemp(prefix=setting.name)),
    )
    meter = ProcessMeter(Metrics())
    observe = observer(meter)

    def observed(group: Group, chunk: Chunk, seconds: dict[str, float]) -> None:
        observe(group, chunk, seconds)
        race.committed(chunk)

    worker = app.build(settings, [setting.group], observed, meter)
    race.cells = lambda: worker.binding.states()
    return app.run(worker)


def finish(result: Result) -> None:
    """Reports and leaves at once: a graceful stop is not what is measured."""
    report(result)
    _exit(0)


if __name__ == "__main__":
    sys.exit(run(task(), lambda: None, finish))
