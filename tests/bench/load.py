"""Fills a topic with seeded quotes before the contenders read it.

Run alone: `python -m tests.bench.load BROKER TOPIC --events 500000`.
"""

import argparse
import asyncio

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.partitioner import murmur2
from aiokafka.producer.message_accumulator import BatchBuilder

from tests.bench.market import quotes, symbols

BATCH_BYTES_MAX = 512 * 1024
BATCHES_IN_FLIGHT_MAX = 16
FOREVER = {"retention.ms": "-1"}
"""Retention goes by event time, which lies in the past."""


async def create_topic(broker: str, topic: str, partitions: int) -> None:
    """Creates a topic that keeps everything. Raises RuntimeError with the broker's reason if it cannot."""
    admin = AIOKafkaAdminClient(bootstrap_servers=broker)
    await admin.start()
    try:
        response = await admin.create_topics(
            [NewTopic(topic, partitions, 1, topic_configs=FOREVER)]
        )
    finally:
        await admin.close()
    for name, code, *detail in response.topic_errors:
        if code:
            raise RuntimeError(f"topic {name} was not created: {detail}")


def partition_of(symbol: str, partitions: int) -> int:
    """Where Kafka's own partitioner puts a key."""
    return int((murmur2(symbol.encode()) & 0x7FFFFFFF) % partitions)


class Loader:
    """Sends pre-built batches: one future a batch instead of one a record."""

    def __init__(self, producer: AIOKafkaProducer, topic: str) -> None:
        self.producer = producer
        self.topic = topic
        self.batches: dict[int, BatchBuilder] = {}
        self.in_flight: set[asyncio.Future[object]] = set()

    async def add(self, partition: int, key: bytes, value: bytes, timestamp_ms: int) -> None:
        """Adds one record to its partition's batch, sending the batch first when it is full."""
        batch = self.batches.get(partition)
        if batch and batch.append(key=key, value=value, timestamp=timestamp_ms):
            return
        if batch:
            await self.send(partition)
        self.batches[partition] = batch = self.producer.create_batch()
        batch.append(key=key, value=value, timestamp=timestamp_ms)

    async def send(self, partition: int) -> None:
        """Sends a partition's batch, waiting while too many are under way."""
        batch = self.batches.pop(partition)
        self.in_flight.add(await self.producer.send_batch(batch, self.topic, partition=partition))
        if len(self.in_flight) >= BATCHES_IN_FLIGHT_MAX:
            await self.settle()

    async def settle(self) -> None:
        """Waits until every sent batch is on the broker; raises the first batch's error."""
        await asyncio.gather(*self.in_flight)
        self.in_flight.clear()


async def load(
    broker: str, topic: str, events: int, keys: int = 50, partitions: int = 1, seed: int = 7
) -> None:
    """Creates `topic` and fills it with `events` quotes over `keys` symbols."""
    await create_topic(broker, topic, partitions)
    encode = msgspec.json.Encoder().encode
    places = {
        symbol: (symbol.encode(), partition_of(symbol, partitions)) for symbol in symbols(keys)
    }
    async with AIOKafkaProducer(
        bootstrap_servers=broker, max_batch_size=BATCH_BYTES_MAX
    ) as producer:
        loader = Loader(producer, topic)
        for quote in quotes(events, keys, seed):
            key, partition = places[quote.symbol]
            await loader.add(partition, key, encode(quote), quote.time // 1_000_000)
        for partition in list(loader.batches):
            await loader.send(partition)
        await loader.settle()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("broker")
    parser.add_argument("topic")
    parser.add_argument("--events", type=int, default=500_000)
    parser.add_argument("--keys", type=int, default=50)
    parser.add_argument("--partitions", type=int, default=1)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    asyncio.run(load(**vars(options)))


if __name__ == "__main__":
    main()
