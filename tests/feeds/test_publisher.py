import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import NewTopic

from streams import admin, topics
from streams.feeds import reference
from streams.feeds.publisher import publish
from streams.feeds.retention import RetentionTooShort, check
from streams.feeds.rounds import publish_rounds
from streams.feeds.source import MILLISECOND_NS, SECOND_NS, Batch, Event
from streams.feeds.status import FeedStatus
from streams.feeds.synthetic import rounds
from streams.instruments import Instrument
from streams.messages import Quote, Trade
from streams.partition import partition_of

PARTITIONS = 3
DAY_NS = 86_400 * SECOND_NS
SHORT = {"retention.ms": str(7 * topics.DAY_MS)}
FOREVER = {"retention.ms": "-1"}


@dataclass
class Recorded:
    """A source that plays given batches; None waits for ever."""

    batches: list[Batch | None]
    oldest_time: int | None = None
    name: str = "recorded"
    instruments: tuple[Instrument, ...] = reference.SIMULATED
    status: FeedStatus = field(default_factory=lambda: FeedStatus("recorded"))
    closed: bool = False

    async def events(self) -> AsyncGenerator[Batch, None]:
        try:
            for batch in self.batches:
                if batch is None:
                    await asyncio.Event().wait()
                    raise AssertionError("an event that nobody sets was set")
                yield batch
        finally:
            self.closed = True


@pytest.fixture
def prefix(kafka: str, fresh_name: Callable[[str], str]) -> str:
    """A prefix under which the market topics exist and keep everything."""
    name = f"{fresh_name('feeds')}."
    asyncio.run(create(kafka, name, FOREVER))
    return name


async def create(brokers: str, prefix: str, settings: dict[str, str]) -> None:
    wanted = [
        NewTopic(prefix + topic.name, PARTITIONS, 1, topic_configs=settings)
        for topic in (topics.TRADES, topics.QUOTES)
    ]
    async with admin.client(brokers) as client:
        await client.create_topics(wanted)


async def written(brokers: str, prefix: str, topic: topics.Topic) -> list[Any]:
    """All committed records of a topic, partition after partition."""
    consumer = AIOKafkaConsumer(bootstrap_servers=brokers, isolation_level="read_committed")
    await consumer.start()
    try:
        parts = [TopicPartition(prefix + topic.name, number) for number in range(PARTITIONS)]
        consumer.assign(parts)
        await consumer.seek_to_beginning()
        ends = await consumer.end_offsets(parts)
        records: list[Any] = []
        for part in parts:
            while await consumer.position(part) < ends[part]:
                records += (await consumer.getmany(part, timeout_ms=200)).get(part, [])
        return records
    finally:
        await consumer.stop()


def some_events(seconds: int = 3) -> list[Batch]:
    return list(islice(rounds(5, 100), seconds * 10))


def of_symbol(events: list[Event], symbol: str) -> list[Event]:
    return [event for event in events if event.symbol == symbol]


def run_published(
    brokers: str, prefix: str, source: Recorded, **options: Any
) -> tuple[dict[str, int], list[Any], list[Any]]:
    """What `publish` returned, and the trades and quotes in the log."""

    async def run() -> tuple[dict[str, int], list[Any], list[Any]]:
        counts = await publish(
            source,
            brokers,
            partitions=PARTITIONS,
            stop=asyncio.Event(),
            prefix=prefix,
            **options,
        )
        trades = await written(brokers, prefix, topics.TRADES)
        return counts, trades, await written(brokers, prefix, topics.QUOTES)

    return asyncio.run(run())


def test_every_event_is_in_its_topic_once_and_in_its_symbol_s_order(
    kafka: str, prefix: str
) -> None:
    batches = some_events()
    events = [event for batch in batches for event in batch]
    counts, trades, quotes = run_published(kafka, prefix, Recorded([*batches]))
    assert counts == {
        f"{prefix}market.trades": len(trades),
        f"{prefix}market.quotes": len(quotes),
    }
    for kind, records, topic in ((Trade, trades, topics.TRADES), (Quote, quotes, topics.QUOTES)):
        decoded = [topic.decode(record.value) for record in records]
        for instrument in reference.SIMULATED:
            sent = [event for event in of_symbol(events, instrument.symbol) if type(event) is kind]
            assert of_symbol(decoded, instrument.symbol) == sent


def test_record_has_the_symbol_s_key_its_partition_and_the_event_time(
    kafka: str, prefix: str
) -> None:
    _, trades, quotes = run_published(kafka, prefix, Recorded([*some_events(1)]))
    for record in quotes:
        quote = topics.QUOTES.decode(record.value)
        assert record.key == quote.symbol.encode()
        assert record.partition == partition_of(quote.symbol, PARTITIONS)
        assert record.timestamp == quote.time // MILLISECOND_NS
    assert len({record.partition for record in trades + quotes}) > 1


def test_batch_larger_than_a_kafka_batch_is_split(kafka: str, prefix: str) -> None:
    (batch,) = islice(rounds(5, 10_000), 1)
    _, trades, quotes = run_published(kafka, prefix, Recorded([batch]))
    assert len(trades) + len(quotes) == len(batch) > 4_000


def test_progress_tells_the_running_counts(kafka: str, prefix: str) -> None:
    seen: list[dict[str, int]] = []
    counts, _, _ = run_published(
        kafka, prefix, Recorded([*some_events(1)]), on_progress=seen.append
    )
    assert seen[-1] == counts
    assert [sum(step.values()) for step in seen] == sorted(sum(step.values()) for step in seen)


def test_stop_ends_a_feed_that_waits_and_keeps_what_was_sent(kafka: str, prefix: str) -> None:
    source = Recorded([*some_events(1), None])

    async def run() -> tuple[dict[str, int], int]:
        stop = asyncio.Event()
        asyncio.get_running_loop().call_later(0.5, stop.set)
        async with asyncio.timeout(10):
            counts = await publish(source, kafka, partitions=PARTITIONS, stop=stop, prefix=prefix)
        quotes = await written(kafka, prefix, topics.QUOTES)
        return counts, len(quotes)

    counts, in_log = asyncio.run(run())
    assert counts[f"{prefix}market.quotes"] == in_log > 0
    assert source.closed


def test_old_records_are_refused_where_the_topic_would_delete_them(
    kafka: str, fresh_name: Callable[[str], str]
) -> None:
    prefix = f"{fresh_name('short')}."
    asyncio.run(create(kafka, prefix, SHORT))
    source = Recorded([*some_events(1)], oldest_time=SECOND_NS)
    with pytest.raises(RetentionTooShort, match=r"market\.trades keeps records for 7\.0 days"):
        run_published(kafka, prefix, source)
    _, trades, quotes = run_published(kafka, prefix, Recorded([]))
    assert trades == quotes == []


def test_old_records_are_written_where_the_topic_keeps_everything(kafka: str, prefix: str) -> None:
    source = Recorded([*some_events(1)], oldest_time=SECOND_NS)
    _, _, quotes = run_published(kafka, prefix, source)
    assert quotes


def test_topic_that_does_not_exist_is_named_before_anything_is_written(kafka: str) -> None:
    source = Recorded([*some_events(1)], oldest_time=SECOND_NS)
    with pytest.raises(RuntimeError, match=r"absent\.market\.trades"):
        run_published(kafka, "absent.", source)


@pytest.mark.parametrize(("age_days", "refused"), [(6, False), (8, True)])
def test_records_are_refused_from_the_topic_s_retention_on(age_days: int, refused: bool) -> None:
    now = 1_000 * DAY_NS
    kept = {"market.trades": 7 * topics.DAY_MS, "market.quotes": -1}
    if refused:
        with pytest.raises(RetentionTooShort, match=r"8\.0 days old.*--keep-times"):
            check(now - age_days * DAY_NS, now, kept)
    else:
        check(now - age_days * DAY_NS, now, kept)


def lockstep(
    brokers: str, prefix: str, batches: list[Batch], idle: Callable[[], Awaitable[None]]
) -> dict[str, int]:
    return asyncio.run(
        publish_rounds(
            iter(batches),
            brokers,
            partitions=PARTITIONS,
            idle=idle,
            transactional_id=f"{prefix}rounds",
            prefix=prefix,
        )
    )


def test_each_round_is_committed_before_the_next_and_idle_is_awaited_in_between(
    kafka: str, prefix: str
) -> None:
    batches = [*some_events(1)[:4], [], some_events(1)[5]]
    quotes = [sum(type(event) is Quote for event in batch) for batch in batches if batch]
    wanted = [sum(quotes[: n + 1]) for n in range(len(quotes))]
    committed: list[int] = []

    async def idle() -> None:
        # a commit is answered before its markers are everywhere; more than this round's is never there
        found = -1
        async with asyncio.timeout(20):
            while found < wanted[len(committed)]:
                found = len(await written(kafka, prefix, topics.QUOTES))
        committed.append(found)

    counts = lockstep(kafka, prefix, batches, idle)
    assert committed == wanted
    assert counts[f"{prefix}market.quotes"] == committed[-1]


def test_failure_between_rounds_leaves_whole_rounds_only(kafka: str, prefix: str) -> None:
    batches = some_events(1)
    awaited = 0

    async def idle() -> None:
        nonlocal awaited
        awaited += 1
        if awaited == 3:
            raise ConnectionError("the engine is gone")

    with pytest.raises(ConnectionError):
        lockstep(kafka, prefix, batches, idle)
    in_log = asyncio.run(written(kafka, prefix, topics.QUOTES))
    expected = [event for batch in batches[:3] for event in batch if type(event) is Quote]
    assert len(in_log) == len(expected)
