"""The worker's transactions on a real broker: whole or not at all, and closed to every former owner."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from streams import log, wire
from streams.exits import Exit
from streams.transaction import BATCH_BYTES, Transactions, Unsure, Write
from streams.wire import Member
from tests.support.kafka import committed_offsets

pytestmark = pytest.mark.kafka

INPUT = TopicPartition("orders", 0)
TIMEOUT_S = 3.0
FreshName = Callable[[str], str]


def write(key: str, value: bytes = b"x", partition: int = 0) -> Write:
    return Write("fills", partition, key.encode(), value, 1_700_000_000_000, [("stamp", b"s")])


class Group:
    """A consumer group whose members join and leave on command."""

    def __init__(self, brokers: str, name: str) -> None:
        self._brokers = brokers
        self.name = name
        self._consumers: list[AIOKafkaConsumer] = []

    async def join(self) -> Member:
        consumer = AIOKafkaConsumer(
            INPUT.topic,
            bootstrap_servers=self._brokers,
            group_id=self.name,
            enable_auto_commit=False,
            heartbeat_interval_ms=100,
        )
        await consumer.start()
        while not consumer.assignment():  # noqa: ASYNC110  nothing to wait for
            await asyncio.sleep(0.05)
        self._consumers.append(consumer)
        coordinator = consumer._coordinator
        return Member(self.name, coordinator.generation, coordinator.member_id)

    async def leave(self) -> None:
        for consumer in self._consumers:
            await consumer.stop()


async def keys(brokers: str) -> list[bytes | None]:
    return [record.key for record in await log.read_all(brokers, "fills")]


def over(brokers: str, name: str, scene: Callable[[Group, Transactions], Awaitable[None]]) -> None:
    async def play() -> None:
        group, transactions = Group(brokers, name), Transactions(brokers, name, TIMEOUT_S)
        await transactions.start()
        try:
            await scene(group, transactions)
        finally:
            await transactions.stop()
            await group.leave()

    asyncio.run(play())


def test_records_of_many_partitions_and_the_offset_become_true_together(
    brokers: str, fresh_name: FreshName
) -> None:
    async def scene(group: Group, transactions: Transactions) -> None:
        assert await transactions.join(await group.join(), [INPUT]) == {INPUT: 0}
        await transactions.commit([write(str(p), partition=p) for p in range(4)], {INPUT: 7})
        await transactions.commit([write("4")], {INPUT: 8})
        assert sorted(map(str, await keys(brokers))) == sorted(f"b'{p}'" for p in range(5))
        assert await committed_offsets(brokers, group.name) == {INPUT: 8}

    over(brokers, fresh_name("whole"), scene)


def test_more_than_a_batch_goes_to_a_partition_in_order(
    brokers: str, fresh_name: FreshName
) -> None:
    async def scene(group: Group, transactions: Transactions) -> None:
        await transactions.join(await group.join(), [INPUT])
        half = bytes(BATCH_BYTES // 2)
        await transactions.commit([write(str(n), half) for n in range(5)], {INPUT: 1})
        assert await keys(brokers) == [str(n).encode() for n in range(5)]

    over(brokers, fresh_name("large"), scene)


def test_a_member_of_a_past_generation_commits_nothing(brokers: str, fresh_name: FreshName) -> None:
    async def scene(group: Group, transactions: Transactions) -> None:
        past = await group.join()
        await transactions.join(past, [INPUT])
        await transactions.commit([write("before")], {INPUT: 1})
        await group.join()
        with pytest.raises(Unsure) as unsure:
            await transactions.commit([write("after")], {INPUT: 2})
        assert unsure.value.code is Exit.FENCED
        assert await committed_offsets(brokers, group.name) == {INPUT: 1}
        assert await keys(brokers) == [b"before"]

    over(brokers, fresh_name("past"), scene)


def test_whoever_takes_the_name_over_ends_what_was_open(
    brokers: str, fresh_name: FreshName
) -> None:
    async def scene(group: Group, transactions: Transactions) -> None:
        await transactions.join(await group.join(), [INPUT])
        await transactions._write([write("open")])
        heir = Transactions(brokers, transactions._producer.name, TIMEOUT_S)
        await heir.start()
        with pytest.raises(Unsure) as unsure:
            await transactions.commit([write("late")], {INPUT: 1})
        assert unsure.value.code is Exit.FENCED
        assert await keys(brokers) == []
        await heir.stop()

    over(brokers, fresh_name("heir"), scene)


def test_a_new_owner_waits_until_a_transaction_over_its_inputs_has_ended(
    brokers: str, fresh_name: FreshName
) -> None:
    async def scene(group: Group, transactions: Transactions) -> None:
        await transactions.join(await group.join(), [INPUT])
        await transactions.commit([write("before")], {INPUT: 5})
        await transactions._write([write("open")])
        await transactions._tell({INPUT: 9})
        owner = Transactions(brokers, fresh_name("owner"), TIMEOUT_S)
        await owner.start()
        joining = asyncio.create_task(owner.join(await group.join(), [INPUT]))
        await asyncio.sleep(TIMEOUT_S / 4)
        assert not joining.done()
        assert await joining == {INPUT: 5}  # the broker has aborted it after TIMEOUT_S
        assert await keys(brokers) == [b"before"]
        await owner.stop()

    over(brokers, fresh_name("waits"), scene)


def test_what_is_committed_late_counts_for_the_new_owner(
    brokers: str, fresh_name: FreshName
) -> None:
    async def scene(group: Group, transactions: Transactions) -> None:
        await transactions.join(await group.join(), [INPUT])
        await transactions._write([write("late")])
        await transactions._tell({INPUT: 9})
        owner = Transactions(brokers, fresh_name("owner"), TIMEOUT_S)
        await owner.start()
        joining = asyncio.create_task(owner.join(await group.join(), [INPUT]))
        await asyncio.sleep(TIMEOUT_S / 4)
        name = transactions._producer.name
        await transactions._coordinate(name, wire.end(transactions._producer))
        assert await joining == {INPUT: 9}
        await owner.stop()

    over(brokers, fresh_name("late"), scene)


def test_a_broker_without_the_protocol_is_named(brokers: str) -> None:
    call = wire.init_producer("t", 1000)
    with pytest.raises(NotImplementedError, match=r"Apache Kafka 4\.0"):
        call.prepare({22: (0, 3)})
