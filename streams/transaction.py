"""The transactional producer of one cell: fence, write a chunk, commit; anything unsure ends the process."""

import asyncio
from collections.abc import Awaitable, Iterable, Mapping
from typing import Any, NamedTuple

import aiokafka.producer.sender as sender
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import (
    InvalidProducerEpoch,
    InvalidTxnState,
    KafkaConnectionError,
    KafkaError,
    ProducerFenced,
)

from streams.exits import Exit
from streams.topics import MAX_MESSAGE_BYTES

sender.BACKOFF_OVERRIDE = 0.001  # aiokafka waits 20 ms between transactions otherwise

RETRY_BACKOFF_MS = 2
TRANSACTION_TIMEOUT_MS = 15_000
START_DEADLINE_S = 60.0
"""The former owner's transaction is ended first; a coordinator that takes longer is not there."""

BATCH_BYTES = MAX_MESSAGE_BYTES + 4096
"""One batch holds the largest record and its headers."""


class Unsure(Exception):
    """The transaction's fate is not known or not ours to decide: the process must end with `code`."""

    def __init__(self, code: Exit, error: BaseException) -> None:
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


class Transaction:
    """One producer of one transactional id; its start fences whoever had the id before."""

    def __init__(self, brokers: str, transactional_id: str, group: str) -> None:
        self._group = group
        self._producer = AIOKafkaProducer(
            bootstrap_servers=brokers,
            transactional_id=transactional_id,
            retry_backoff_ms=RETRY_BACKOFF_MS,
            max_batch_size=BATCH_BYTES,
            max_request_size=4 * BATCH_BYTES,
            transaction_timeout_ms=TRANSACTION_TIMEOUT_MS,
        )

    async def start(self) -> None:
        """Fence the former owner and end its open transaction. Raises Unsure."""
        await _sure(self._producer.start(), START_DEADLINE_S)

    async def stop(self) -> None:
        """Close the connections; nothing may be open."""
        await self._producer.stop()

    async def commit(self, writes: Iterable[Write], offsets: Mapping[TopicPartition, int]) -> None:
        """Write all records and the consumed offsets in one transaction. Raises Unsure, never retries.

        offsets: the next offset to read of each input partition; empty for inputs that are not committed to the group.
        """
        await _sure(self._commit(writes, offsets), TRANSACTION_TIMEOUT_MS / 1000)

    async def _commit(self, writes: Iterable[Write], offsets: Mapping[TopicPartition, int]) -> None:
        producer = self._producer
        await producer.begin_transaction()
        sends = [
            await producer.send_batch(batch, topic, partition=partition)
            for (topic, partition), batches in self._batches(writes).items()
            for batch in batches
        ]
        if offsets:
            await producer.send_offsets_to_transaction(dict(offsets), self._group)
        for send in sends:
            await send
        await producer.commit_transaction()

    def _batches(self, writes: Iterable[Write]) -> dict[tuple[str, int], list[Any]]:
        batches: dict[tuple[str, int], list[Any]] = {}
        for topic, partition, key, value, timestamp_ms, headers in writes:
            place = batches.get((topic, partition))
            if place is None:
                place = batches[topic, partition] = [self._producer.create_batch()]
            record = {"key": key, "value": value, "timestamp": timestamp_ms, "headers": headers}
            if place[-1].append(**record) is None:
                place.append(self._producer.create_batch())
                written = place[-1].append(**record)
                assert written is not None, "a record larger than a batch passed the size check"
        return batches


async def _sure(action: Awaitable[None], deadline_s: float) -> None:
    """aiokafka retries for ever; what is not done by the deadline, the broker may have ended meanwhile."""
    try:
        async with asyncio.timeout(deadline_s):
            await action
    except (ProducerFenced, InvalidProducerEpoch, InvalidTxnState) as error:
        raise Unsure(Exit.FENCED, error) from error
    except TimeoutError as error:  # an OSError too
        raise Unsure(Exit.TRANSACTION, error) from error
    except (KafkaConnectionError, OSError) as error:
        raise Unsure(Exit.NO_BROKER, error) from error
    except KafkaError as error:
        raise Unsure(Exit.TRANSACTION, error) from error
