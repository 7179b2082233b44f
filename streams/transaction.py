"""The transactions of one worker: fence, write what its cells have folded, commit; anything unsure ends the process.

One producer for all cells, as Kafka Streams has one for a thread: what the cells hand in while a transaction is under
way goes into the next one together, so load makes transactions larger, not more. A former owner of a partition is kept
out by the consumer group: every transaction carries offsets, which are refused from a member of a past generation.
"""

import asyncio
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

from aiokafka import TopicPartition
from aiokafka.client import AIOKafkaClient, CoordinationType
from aiokafka.errors import (
    KafkaConnectionError,
    KafkaError,
    NodeNotReadyError,
    RequestTimedOutError,
    for_code,
)
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from streams import wire
from streams.exits import Exit
from streams.login import connection
from streams.topics import MAX_MESSAGE_BYTES
from streams.wire import Call, Member, Producer

RETRY_S = 0.001
"""A coordinator that still writes the markers of the transaction before needs a moment."""

REFRESH_S = 0.05
"""Between two questions for a leader or coordinator that has moved."""

REQUEST_TIMEOUT_MS = 10_000
START_DEADLINE_S = 60.0
"""Open transactions of former owners are ended first; a coordinator that takes longer is not there."""

ABORT_S = 1.0

BATCH_BYTES = MAX_MESSAGE_BYTES + 4096
"""One batch holds the largest record and its headers."""

CONCURRENT, UNSTABLE, DUPLICATE_SEQUENCE, NO_ANSWER = 51, 88, 46, 13
MOVED = frozenset({3, 5, 6, 7, 9, 13, 14, 15, 16, 19, 20, 56})
"""Error codes of a leader or coordinator that is not there yet or no longer."""

FENCED = frozenset({22, 25, 27, 47, 48, 49, 67, 82, 90})
"""Error codes of a member or producer whose place another has taken."""

DENIED = frozenset({29, 30, 31, 53})
"""Error codes of what this principal may not do: a restart does not mend that."""

T = TypeVar("T")


class Unsure(Exception):
    """The transaction's fate is not known or not ours to decide: the process must end with `code`."""

    def __init__(self, code: Exit, error: object) -> None:
        super().__init__(f"{code.name}: {error!r}")
        self.code = code


class Write(NamedTuple):
    """One record of a transaction."""

    topic: str
    partition: int
    key: bytes
    value: bytes | None
    timestamp_ms: int
    headers: list[tuple[str, bytes]]


class Transactions:
    """The producer of one worker."""

    def __init__(self, brokers: str, name: str, timeout_s: float) -> None:
        """name: the transactional id, no other worker's. timeout_s: the broker ends what stays open longer."""
        self._brokers = brokers
        self._client: Any = None  # it wants a running loop
        self._producer = Producer(name)
        self._member: Member | None = None
        self._timeout_s = timeout_s
        self._coordinators: dict[str, int] = {}

    async def start(self) -> None:
        """Take over the transactional id; what its former owner left open is ended. Raises Unsure."""
        await self._sure(self._start(), START_DEADLINE_S)

    async def _start(self) -> None:
        self._client = AIOKafkaClient(**connection(self._brokers))
        await self._client.bootstrap()
        name, timeout_ms = self._producer.name, int(1000 * self._timeout_s)
        self._producer = await self._coordinate(name, wire.init_producer(name, timeout_ms))

    async def stop(self) -> None:
        """Close the connections; nothing may be open."""
        if self._client is not None:
            await self._client.close()

    async def join(
        self, member: Member, inputs: Sequence[TopicPartition]
    ) -> dict[TopicPartition, int]:
        """Write as this member from now on: the next offset of each input that the group has committed, once decided.

        Waits until former owners' transactions over these inputs have ended; none can begin any more. Raises Unsure,
        also for a worker that was taken for dead: another has had its partitions, and it comes back as a new one.
        """
        if self._member is not None and self._member.id != member.id:
            raise Unsure(Exit.FENCED, f"the group has let go of {self._member.id}")
        self._member = member
        return await self._sure(self._decided(member, inputs), START_DEADLINE_S)

    async def _decided(
        self, member: Member, inputs: Sequence[TopicPartition]
    ) -> dict[TopicPartition, int]:
        while True:
            found = await self._ask_coordinator(
                member.group, wire.stable_offsets(member.group, inputs), CoordinationType.GROUP
            )
            errors = {error for error, _offset in found.values()} - {0}
            if not errors:
                return {place: max(0, offset) for place, (_error, offset) in found.items()}
            _refuse(errors - MOVED - {UNSTABLE})
            if errors & MOVED:
                await self._forget(member.group)
            await asyncio.sleep(REFRESH_S)

    async def commit(self, writes: Iterable[Write], offsets: Mapping[TopicPartition, int]) -> None:
        """Write all records and the consumed offsets in one transaction. Raises Unsure.

        offsets: the next offset to read, of one input partition at least, since they are what fences.
        """
        assert offsets, "a transaction without offsets would be open to a former owner"
        try:
            await self._sure(self._commit(writes, offsets), self._timeout_s)
        except Unsure:
            await self._abort()
            raise

    async def _commit(self, writes: Iterable[Write], offsets: Mapping[TopicPartition, int]) -> None:
        await asyncio.gather(self._write(writes), self._tell(offsets))
        self._producer = await self._coordinate(self._producer.name, wire.end(self._producer))

    async def _abort(self) -> None:
        """Spare readers the wait for the broker's time-out, if it still listens to us; the process ends anyhow."""
        node = self._coordinators.get(self._producer.name)
        if node is not None:
            with suppress(TimeoutError, OSError, KafkaError):
                async with asyncio.timeout(ABORT_S):
                    await self._send(node, wire.end(self._producer, commit=False))

    async def _write(self, writes: Iterable[Write]) -> None:
        batches = _batches(writes, self._producer)
        while batches:  # a request holds one batch a partition
            await self._produce({place: of.pop(0) for place, of in batches.items()})
            batches = {place: of for place, of in batches.items() if of}

    async def _produce(self, batches: dict[TopicPartition, bytes]) -> None:
        while batches:
            by_leader: dict[int, dict[TopicPartition, bytes]] = {}
            for place, batch in batches.items():
                by_leader.setdefault(await self._leader(place), {})[place] = batch
            answers = await asyncio.gather(
                *(self._produce_at(node, of) for node, of in by_leader.items())
            )
            errors = {place: error for answer in answers for place, error in answer.items()}
            failed = {p: e for p, e in errors.items() if e not in (0, DUPLICATE_SEQUENCE)}
            _refuse(set(failed.values()) - MOVED - {CONCURRENT})
            batches = {place: batches[place] for place in failed}
            if MOVED & set(failed.values()):
                await self._client.force_metadata_update()
                await asyncio.sleep(REFRESH_S)
            elif failed:
                await asyncio.sleep(RETRY_S)

    async def _produce_at(self, node: int, batches: dict[TopicPartition, bytes]) -> wire.Errors:
        call = wire.produce(self._producer, batches, REQUEST_TIMEOUT_MS)
        try:
            return await self._send(node, call)
        except (KafkaConnectionError, NodeNotReadyError, RequestTimedOutError):
            return dict.fromkeys(batches, NO_ANSWER)

    async def _tell(self, offsets: Mapping[TopicPartition, int]) -> None:
        assert self._member is not None, "nothing is committed before the group was joined"
        group = self._member.group
        call = wire.commit_offsets(self._producer, self._member, offsets)
        while True:
            errors = set(
                (await self._ask_coordinator(group, call, CoordinationType.GROUP)).values()
            )
            errors.discard(0)
            if not errors:
                return
            _refuse(errors - MOVED - {CONCURRENT})
            if errors & MOVED:
                await self._forget(group)
            await asyncio.sleep(RETRY_S)

    async def _coordinate(self, name: str, call: Call[tuple[int, Producer]]) -> Producer:
        """Ask the transaction coordinator until it has done it."""
        while True:
            error, producer = await self._ask_coordinator(name, call, CoordinationType.TRANSACTION)
            if error == 0:
                return producer
            _refuse({error} - MOVED - {CONCURRENT})
            if error in MOVED:
                await self._forget(name)
            await asyncio.sleep(RETRY_S)

    async def _ask_coordinator(self, key: str, call: Call[T], kind: CoordinationType) -> T:
        """The answer of a group's or transactional id's coordinator, whoever that is by then."""
        while True:
            try:
                node = self._coordinators.get(key)
                if node is None:
                    node = self._coordinators[key] = await self._client.coordinator_lookup(
                        kind, key
                    )
                return await self._send(node, call)
            except KafkaError as error:
                if not error.retriable and not isinstance(error, KafkaConnectionError):
                    raise
                await self._forget(key)

    async def _coordinator(self, kind: CoordinationType, key: str) -> int:
        if self._client.get_random_node() is None:
            raise NodeNotReadyError("the cluster names no broker yet")
        return int(await self._client.coordinator_lookup(kind, key))

    async def _forget(self, key: str) -> None:
        self._coordinators.pop(key, None)
        await asyncio.sleep(REFRESH_S)
        await self._client.force_metadata_update()

    async def _leader(self, place: TopicPartition) -> int:
        cluster = self._client.cluster
        while (node := cluster.leader_for_partition(place)) is None or node < 0:
            await self._client.add_topic(place.topic)
            if cluster.leader_for_partition(place) is None:
                await asyncio.sleep(REFRESH_S)
        return int(node)

    async def _send(self, node: int, call: Call[T]) -> T:
        answer: T = await self._client.send(node, call)
        return answer

    async def _sure(self, action: Awaitable[T], deadline_s: float) -> T:
        """What is not done by the deadline, the broker may have ended meanwhile."""
        try:
            async with asyncio.timeout(deadline_s):
                return await action
        except TimeoutError as error:  # an OSError too
            raise Unsure(Exit.TRANSACTION, error) from error
        except (KafkaConnectionError, OSError) as error:
            raise Unsure(Exit.NO_BROKER, error) from error
        except KafkaError as error:
            raise Unsure(Exit.TRANSACTION, error) from error
        except NotImplementedError as error:  # an older broker: no restart mends that
            raise Unsure(Exit.CHECK_FAILED, error) from error


def _refuse(errors: set[int]) -> None:
    """Raise Unsure for the first of these error codes, if there is one."""
    for code in sorted(errors):
        exit_code = Exit.FENCED if code in FENCED else Exit.TRANSACTION
        raise Unsure(Exit.CHECK_FAILED if code in DENIED else exit_code, for_code(code)())


def _batches(writes: Iterable[Write], producer: Producer) -> dict[TopicPartition, list[bytes]]:
    """The records of a transaction as batches of their partitions; sequences begin anew with each epoch."""
    open_: dict[tuple[str, int], _Partition] = {}
    for topic, partition, key, value, timestamp_ms, headers in writes:
        of = open_.get((topic, partition))
        if of is None:
            of = open_[topic, partition] = _Partition(producer)
        of.append(timestamp_ms, key, value, headers)
    return {TopicPartition(*place): of.close() for place, of in open_.items()}


class _Partition:
    """The batches that go to one partition."""

    def __init__(self, producer: Producer) -> None:
        self._producer = producer
        self._done: list[bytes] = []
        self._sequence = 0
        self._builder = self._next()

    def append(
        self, timestamp_ms: int, key: bytes, value: bytes | None, headers: list[tuple[str, bytes]]
    ) -> None:
        if self._builder.append(self._count, timestamp_ms, key, value, headers) is None:
            self._done.append(bytes(self._builder.build()))
            self._sequence += self._count
            self._builder = self._next()
            written = self._builder.append(0, timestamp_ms, key, value, headers)
            assert written is not None, "a record larger than a batch passed the size check"
        self._count += 1

    def close(self) -> list[bytes]:
        return [*self._done, bytes(self._builder.build())]

    def _next(self) -> Any:
        self._count = 0
        return DefaultRecordBatchBuilder(
            magic=2,
            compression_type=0,
            is_transactional=1,
            producer_id=self._producer.id,
            producer_epoch=self._producer.epoch,
            base_sequence=self._sequence,
            batch_size=BATCH_BYTES,
        )
