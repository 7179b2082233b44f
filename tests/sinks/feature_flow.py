"""What a run over dicts has left, put where the feature store's processes look for it."""

import asyncio
import secrets
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaProducer

from agents.routes import routes
from api.verify.history import History
from sinks.batch import Batch, Span
from sinks.features import FeatureSink, Newest, Pushed, Target
from sinks.history import History as Rows
from streams import topics
from streams.log import Record
from streams.meter import NoMeter
from streams.topics import Topic
from tests.faults.cluster import PARTITIONS, as_fetched
from tests.faults.commands import fixed_rounds
from tests.faults.dict_system import DictSystem
from tests.sinks.stored import with_history

GROUPS = routes(PARTITIONS)
STORED = (topics.FEATURES, topics.POSITIONS)


def live() -> History:
    """Ticks of eight symbols, orders and fills, in chunks of up to 30 records."""
    system = DictSystem(GROUPS, PARTITIONS, most=30)
    for puts in fixed_rounds(seed=4, rounds=8, commands=10):
        system.put(puts)
        system.run()
    return system.history()


def store(database: str, history: History) -> None:
    """The rows of the history, as the sink writes them; makes its tables."""

    async def work(rows: Rows) -> None:
        for topic in STORED:
            for batch in _batches(topic, history.of(topic.name)):
                await rows.claim(batch.spans)
                await rows.commit(batch)

    with_history(database, work)


def _batches(topic: Topic, records: Sequence[Record]) -> list[Batch]:
    by_partition: dict[int, list[Record]] = defaultdict(list)
    for record in records:
        by_partition[record.partition].append(record)
    batches = []
    for partition, found in by_partition.items():
        batch = Batch(generation=0)
        span = Span(found[0].offset, found[-1].offset + 1)
        batch.add((topic.name, partition), span, [as_fetched(record) for record in found])
        batch.seal()
        batches.append(batch)
    return batches


def produce(kafka: str, records: Sequence[Record]) -> None:
    """The same records on a broker, in their order."""

    async def run() -> None:
        async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
            for record in records:
                await producer.send(
                    record.topic,
                    record.value,
                    record.key,
                    partition=0,
                    timestamp_ms=record.timestamp_ms,
                )
            await producer.flush()

    asyncio.run(run())


def sink_once(kafka: str, pusher: Any) -> int:
    """Run the feature sink until it has pushed all that is on the broker; how many rows it gave to the store."""

    async def run() -> int:
        def push(newest: Newest) -> Pushed:
            pushed: Pushed = pusher.features(newest.features) | pusher.accounts(newest.positions)
            return pushed

        stop = asyncio.Event()
        sink = FeatureSink(kafka, f"features-{secrets.token_hex(4)}", Target(push, ()), NoMeter())
        running = asyncio.create_task(sink.run(stop))
        async with asyncio.timeout(30):
            while (  # noqa: ASYNC110  nothing to wait for
                sink.status()["lag_records"] != 0 and not running.done()
            ):
                await asyncio.sleep(0.05)
        stop.set()
        assert await running == 0
        return int(sink.status()["pushed_rows"])

    return asyncio.run(run())
