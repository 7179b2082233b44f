"""The feature sink's loop against a target that fails: nothing is committed before it is pushed."""

import asyncio
import secrets
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaProducer, TopicPartition

from sinks.features import Batch, FeatureSink, Newest, Pushed, Target
from streams import codec, log, topics
from streams.meter import NoMeter
from streams.predictions import Features
from tests.sinks.messages import Record, features, position
from tests.support.kafka import committed_offsets

FEATURES = topics.FEATURES.name


class Away(Exception):
    """The store does not answer."""


class Store:
    """Counts what it is given, and is away for the first attempts."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.given: list[Features] = []

    def push(self, newest: Newest) -> Pushed:
        if self.failures:
            self.failures -= 1
            raise Away("refused")
        self.given += newest.features
        return {"micro_v1": (len(newest.features), 1)} if newest.features else {}


def test_a_batch_holds_the_last_row_of_each_key() -> None:
    batch = Batch()
    rows = [features(1), features(2)]
    batch.add(FEATURES, [Record(at, at, codec.encode(row)) for at, row in enumerate(rows)])
    worths = [position(1), position(2, account="other"), position(3)]
    batch.add("positions", [Record(at, at, codec.encode(row)) for at, row in enumerate(worths)])
    found = batch.newest
    assert [row.sequence for row in found.features] == [2]
    assert {row.account: row.qty for row in found.positions} == {"paper": "3.5", "other": "2.5"}


def test_a_record_that_cannot_be_read_is_passed_over() -> None:
    batch = Batch()
    good = codec.encode(features(1))
    batch.add(FEATURES, [Record(0, 0, b"{"), Record(1, 1, good), Record(2, 2, None)])
    assert (len(batch.rows), batch.refused) == (1, 2)


@pytest.fixture
def group() -> Iterator[str]:
    yield f"feature-sink-{secrets.token_hex(4)}"


def run_until(kafka: str, group: str, store: Store, symbol: str) -> dict[str, Any]:
    """Run a sink until the store has a vector of this symbol; its status then."""

    async def run() -> dict[str, Any]:
        stop = asyncio.Event()
        sink = FeatureSink(kafka, group, Target(store.push, (Away,)), NoMeter())
        running = asyncio.create_task(sink.run(stop))
        async with asyncio.timeout(20):
            while all(row.symbol != symbol for row in store.given) and not running.done():  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        status = sink.status()
        stop.set()
        assert await running == 0
        return status

    return asyncio.run(run())


def send(kafka: str, *rows: Features) -> None:
    async def run() -> None:
        async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
            for row in rows:
                await producer.send_and_wait(FEATURES, codec.encode(row), partition=0)

    asyncio.run(run())


def test_a_store_that_is_away_is_asked_again_and_nothing_is_lost_or_committed_early(
    kafka: str, group: str
) -> None:
    name = f"A-{secrets.token_hex(4)}"
    send(kafka, msgspec.structs.replace(features(1), symbol=name))
    store = Store(failures=2)
    assert run_until(kafka, group, store, name)["connected"]
    assert store.failures == 0
    ends = asyncio.run(log.end_offsets(kafka, [FEATURES]))
    committed = asyncio.run(committed_offsets(kafka, group))
    place = TopicPartition(FEATURES, 0)
    assert committed[place] == ends[place]


def test_another_error_ends_the_process_before_anything_is_committed(
    kafka: str, group: str
) -> None:
    send(kafka, features(1))

    def broken(_newest: Newest) -> Pushed:
        raise ValueError("a fault")

    async def run() -> None:
        sink = FeatureSink(kafka, group, Target(broken, (Away,)), NoMeter())
        await asyncio.wait_for(sink.run(asyncio.Event()), 20)

    with pytest.raises(ValueError, match="a fault"):
        asyncio.run(run())
    assert asyncio.run(committed_offsets(kafka, group)) == {}
