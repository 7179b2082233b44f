"""Fills topics with seeded ticks before the contenders read them.

Run alone: `python -m tests.bench.load BROKER PREFIX --events 500000`.
"""

import argparse
import asyncio
from itertools import islice
from typing import NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.admin import NewTopic

from streams import admin, topics
from streams.feeds.batches import BATCH_BYTES_MAX, Batches
from streams.topics import Topic
from tests.bench.market import DENSE_STEP, SPARSE_STEP, ticks

PARTITIONS = 1
KEYS = 50
SEED = 7
WRITTEN_AT_ONCE = 2_000


class Dataset(NamedTuple):
    """What a topic is filled with. step: event time between ticks in ns; trade_share: how many of them are trades."""

    name: str
    step: int = DENSE_STEP
    trade_share: float = 0.0

    @property
    def topics(self) -> tuple[Topic, ...]:
        """The catalogue's topics whose messages it holds."""
        return (topics.QUOTES, topics.TRADES) if self.trade_share else (topics.QUOTES,)

    def names(self, prefix: str) -> list[str]:
        """The topics that hold it."""
        return [f"{prefix}{self.name}.{topic.name}" for topic in self.topics]


QUOTES = Dataset("quotes")
SPARSE = Dataset("sparse", step=SPARSE_STEP)
MIXED = Dataset("mixed", trade_share=0.2)
"""Two trades on eight quotes, as in the recorded market data."""

DATASETS = {dataset.name: dataset for dataset in (QUOTES, SPARSE, MIXED)}


async def create(broker: str, named: dict[str, Topic]) -> None:
    """Creates topics of one partition that keep everything. named: topic name -> whose settings it has.

    Raises RuntimeError with the broker's reason for the first that it cannot create.
    """
    wanted = [
        NewTopic(name, PARTITIONS, 1, topic_configs=admin.configuration(topic, embedded=True))
        for name, topic in named.items()
    ]
    async with admin.client(broker) as client:
        response = await client.create_topics(wanted)
    for name, code, *detail in response.topic_errors:
        if code:
            raise RuntimeError(f"topic {name} was not created: {detail}")


async def load(broker: str, prefix: str, dataset: Dataset, events: int, keys: int = KEYS) -> None:
    """Creates the dataset's topics under `prefix` and fills them with `events` ticks over `keys` symbols."""
    await create(broker, dict(zip(dataset.names(prefix), dataset.topics, strict=True)))
    made = ticks(events, keys, SEED, dataset.step, dataset.trade_share)
    async with AIOKafkaProducer(
        bootstrap_servers=broker, max_batch_size=BATCH_BYTES_MAX
    ) as producer:
        batches = Batches(producer, PARTITIONS, f"{prefix}{dataset.name}.")
        while part := list(islice(made, WRITTEN_AT_ONCE)):
            await batches.write(part)
        await batches.settle()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("broker")
    parser.add_argument("prefix", help="stands before the names of the topics")
    parser.add_argument("--dataset", choices=list(DATASETS), default=QUOTES.name)
    parser.add_argument("--events", type=int, default=500_000)
    parser.add_argument("--keys", type=int, default=KEYS)
    given = parser.parse_args()
    asyncio.run(load(given.broker, given.prefix, DATASETS[given.dataset], given.events, given.keys))


if __name__ == "__main__":
    main()
