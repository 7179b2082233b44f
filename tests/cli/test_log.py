import asyncio
from collections.abc import Awaitable, Callable

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import NewTopic
from aiokafka.structs import TopicPartition

from streams import admin, lag, log, topics
from streams.topics import CATALOGUE
from tests.support.kafka import committed_offsets

Names = Callable[[str], str]


async def _make(brokers: str, topic: str) -> None:
    async with admin.client(brokers) as client:
        await client.create_topics([NewTopic(topic, 1, 1)])


async def _producer(brokers: str, topic: str) -> AIOKafkaProducer:
    await _make(brokers, topic)
    producer = AIOKafkaProducer(bootstrap_servers=brokers, transactional_id=f"{topic}-writer")
    await producer.start()
    return producer


async def _write(producer: AIOKafkaProducer, topic: str, *values: bytes) -> None:
    for value in values:
        async with producer.transaction():
            await producer.send(topic, value)


async def _abort(producer: AIOKafkaProducer, topic: str) -> None:
    await producer.begin_transaction()
    await producer.send_and_wait(topic, b"aborted")
    await producer.abort_transaction()


async def _eventually(holds: Callable[[], Awaitable[bool]]) -> bool:
    """A commit or abort is confirmed before its markers are in the log."""
    for _ in range(500):
        if await holds():
            return True
        await asyncio.sleep(0.01)
    return False


def test_all_committed_records_are_read_between_markers(kafka: str, fresh_name: Names) -> None:
    async def scenario() -> list[log.Record]:
        topic = fresh_name("read")
        producer = await _producer(kafka, topic)
        await _write(producer, topic, b"a")
        await _abort(producer, topic)
        await _write(producer, topic, b"b")
        await producer.stop()
        assert await _eventually(lambda: _ends_at(kafka, topic, 6))
        everything = await log.read_all(kafka, topic)
        assert await log.read_all(kafka, topic, start=1) == everything[1:]
        assert await log.read_all(kafka, topic, partition=7) == []
        return everything

    records = asyncio.run(scenario())
    assert [(record.offset, record.value) for record in records] == [(0, b"a"), (4, b"b")]


async def _ends_at(brokers: str, topic: str, end: int) -> bool:
    return await log.end_offsets(brokers, [topic]) == {TopicPartition(topic, 0): end}


async def _is(behind: lag.Lag, records: dict[TopicPartition, int]) -> bool:
    return await behind.records() == records


def test_a_group_is_done_when_only_markers_are_left(kafka: str, fresh_name: Names) -> None:
    async def scenario() -> None:
        topic, group = fresh_name("lag"), fresh_name("group")
        place = TopicPartition(topic, 0)
        producer = await _producer(kafka, topic)
        await _write(producer, topic, b"a", b"b")
        await _abort(producer, topic)
        async with lag.watch(kafka, group, [topic], [topic]) as behind:
            assert await _eventually(lambda: _is(behind, {place: 6}))
            assert not await behind.at_rest()
            consumer = AIOKafkaConsumer(
                bootstrap_servers=kafka, group_id=group, enable_auto_commit=False
            )
            await consumer.start()
            consumer.assign([place])
            await consumer.commit({place: 1})
            assert await behind.records() == {place: 5}
            await consumer.commit({place: 3})
            assert await behind.records() == {}
            assert await behind.at_rest()
            await producer.begin_transaction()
            await producer.send_and_wait(topic, b"open")
            assert not await behind.at_rest()
            await producer.abort_transaction()
            assert await _eventually(behind.at_rest)
            await consumer.stop()
        assert await committed_offsets(kafka, group) == {place: 3}
        await producer.stop()

    asyncio.run(scenario())


def test_the_catalogue_is_made_once_and_then_agrees(catalogue: tuple[str, int]) -> None:
    brokers, partitions = catalogue

    async def scenario() -> None:
        assert await admin.apply(brokers, partitions, embedded=True) == []
        assert await admin.check(brokers, partitions) == []
        assert set(await admin.describe(brokers)) == {topic.name for topic in CATALOGUE}
        wrong = {problem.subject for problem in await admin.check(brokers, partitions + 1)}
        assert "partitions of orders" in wrong
        assert "partitions of control" not in wrong

    asyncio.run(scenario())


def test_a_missing_topic_is_a_problem_that_says_how_to_mend_it() -> None:
    (problem,) = admin.differences(topics.LABELS, None, 2)
    assert (
        str(problem) == "topic labels: is missing, should be present; run `headrace topics apply`"
    )


def test_a_setting_that_differs_is_a_problem_unless_more_is_kept() -> None:
    settings = admin.configuration(topics.LABELS, embedded=True)
    assert admin.differences(topics.LABELS, admin.Description(2, 1, settings), 2) == []
    settings["cleanup.policy"] = "compact"
    (problem,) = admin.differences(topics.LABELS, admin.Description(2, 1, settings), 2)
    assert problem.subject == "cleanup.policy of labels"
    assert "--add-config 'cleanup.policy=delete'" in problem.mend
