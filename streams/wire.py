"""The requests of Kafka 4's transaction protocol (KIP-890), which aiokafka does not speak, over its connections.

A transaction is a Produce and an EndTxn: partitions and offsets join it by being written, and each end brings a new
epoch, so a record that comes late can belong to no later transaction. Layouts are those of the Kafka protocol guide, in
flexible versions: a length is a varint of length + 1, and every struct ends with tagged fields.
"""

import struct
from collections.abc import Callable, Iterable, Mapping
from io import BytesIO
from typing import Any, Generic, NamedTuple, TypeVar

from aiokafka import TopicPartition

T = TypeVar("T")
NO_TAGS = b"\0"
ALL_REPLICAS = -1
NULL = b"\0"


class Call(Generic[T]):
    """One request in the shape that `AIOKafkaClient.send` takes; it gives back what `read` makes of the answer."""

    def __init__(self, key: int, version: int, body: bytes, read: Callable[["Reader"], T]) -> None:
        self._key = key
        self._version = version
        self._body = body
        self._read = read
        self.RESPONSE_TYPE = self

    def prepare(self, versions: Mapping[int, tuple[int, int]]) -> "Call[T]":
        """Raises NotImplementedError if the broker does not serve this version."""
        oldest, latest = versions.get(self._key, (0, -1))
        if not oldest <= self._version <= latest:
            raise NotImplementedError(
                f"the broker serves request {self._key} up to version {latest}, not {self._version}: "
                "Apache Kafka 4.0 or later is needed"
            )
        return self

    def build_request_header(self, correlation_id: int, client_id: str) -> "_Bytes":
        """Request header version 2."""
        head = struct.pack(">hhih", self._key, self._version, correlation_id, len(client_id))
        return _Bytes(head + client_id.encode() + NO_TAGS)

    def encode(self) -> bytes:
        """The body."""
        return self._body

    def parse_response_header(self, answer: BytesIO) -> "_ResponseHeader":
        """Response header version 1."""
        (correlation_id,) = struct.unpack(">i", answer.read(4))
        answer.read(1)
        return _ResponseHeader(correlation_id)

    def decode(self, answer: BytesIO) -> T:
        """What the body of the answer says."""
        return self._read(Reader(answer.read()))


class _Bytes(bytes):
    def encode(self) -> bytes:
        return self


class _ResponseHeader(NamedTuple):
    correlation_id: int


class Reader:
    """Takes fields off an answer, from its beginning."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, fields: str) -> tuple[Any, ...]:
        """Fields of a fixed size, as `struct` names them."""
        values = struct.unpack_from(">" + fields, self._data, self._at)
        self._at += struct.calcsize(">" + fields)
        return values

    def varint(self) -> int:
        """An unsigned varint."""
        value = shift = 0
        while True:
            byte = self._data[self._at]
            self._at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def text(self) -> str:
        """A string; "" for null."""
        length = max(0, self.varint() - 1)
        self._at += length
        return self._data[self._at - length : self._at].decode()

    def each(self, read: Callable[[], T]) -> list[T]:
        """An array of structs, each followed by its tagged fields."""
        found = []
        for _ in range(max(0, self.varint() - 1)):
            found.append(read())
            self.skip_tags()
        return found

    def skip_tags(self) -> None:
        """Tagged fields, which later brokers may add."""
        for _ in range(self.varint()):
            self.varint()
            self._at += self.varint()


class Producer(NamedTuple):
    """Who writes: a transactional id, and the producer id and epoch that it has now."""

    name: str
    id: int = -1
    epoch: int = -1


class Member(NamedTuple):
    """A worker's place in its consumer group, as of its last rebalance."""

    group: str
    generation: int
    id: str
    instance: str | None = None


Errors = dict[TopicPartition, int]
"""The error code of each partition; 0 is none."""


def init_producer(name: str, timeout_ms: int) -> Call[tuple[int, Producer]]:
    """Take over a transactional id: its former owner is fenced and what that left open is ended."""

    def read(answer: Reader) -> tuple[int, Producer]:
        _throttle_ms, error, id_, epoch = answer.take("ihqh")
        return error, Producer(name, id_, epoch)

    return Call(22, 4, _text(name) + struct.pack(">iqh", timeout_ms, -1, -1) + NO_TAGS, read)


def produce(
    producer: Producer, batches: Mapping[TopicPartition, bytes], timeout_ms: int
) -> Call[Errors]:
    """Write one batch to each partition, which thereby joins the open transaction."""

    def read(answer: Reader) -> Errors:
        def message() -> None:
            answer.take("i")
            answer.text()

        def partition() -> tuple[int, int]:
            index, error, _base, _time, _start = answer.take("ihqqq")
            answer.each(message)
            answer.text()
            return index, error

        return _errors(answer, partition)

    def of(place: TopicPartition) -> bytes:
        batch = batches[place]
        return struct.pack(">i", place.partition) + _varint(len(batch) + 1) + batch

    head = _text(producer.name) + struct.pack(">hi", ALL_REPLICAS, timeout_ms)
    return Call(0, 12, head + _by_topic(batches, of) + NO_TAGS, read)


def commit_offsets(
    producer: Producer, member: Member, offsets: Mapping[TopicPartition, int]
) -> Call[Errors]:
    """Let consumed offsets join the open transaction; refused from a member of a past generation."""

    def read(answer: Reader) -> Errors:
        answer.take("i")
        return _errors(answer, lambda: answer.take("ih"))

    def of(place: TopicPartition) -> bytes:
        return struct.pack(">iqi", place.partition, offsets[place], -1) + NULL

    head = _text(producer.name) + _text(member.group)
    head += struct.pack(">qhi", producer.id, producer.epoch, member.generation)
    head += _text(member.id) + (NULL if member.instance is None else _text(member.instance))
    return Call(28, 5, head + _by_topic(offsets, of) + NO_TAGS, read)


def end(producer: Producer, *, commit: bool = True) -> Call[tuple[int, Producer]]:
    """End the open transaction; the answer brings the producer of the next."""

    def read(answer: Reader) -> tuple[int, Producer]:
        _throttle_ms, error, id_, epoch = answer.take("ihqh")
        return error, Producer(producer.name, id_, epoch)

    body = _text(producer.name) + struct.pack(">qh?", producer.id, producer.epoch, commit)
    return Call(26, 5, body + NO_TAGS, read)


def stable_offsets(
    group: str, places: Iterable[TopicPartition]
) -> Call[dict[TopicPartition, tuple[int, int]]]:
    """What a group has committed: (error, offset; -1 for none), UNSTABLE_OFFSET_COMMIT while a transaction decides."""

    def read(answer: Reader) -> dict[TopicPartition, tuple[int, int]]:
        def partition() -> tuple[int, int, int]:
            index, offset, _epoch = answer.take("iqi")
            answer.text()
            (error,) = answer.take("h")
            return index, error, offset

        def topic() -> list[tuple[TopicPartition, tuple[int, int]]]:
            name = answer.text()
            return [(TopicPartition(name, i), (e, o)) for i, e, o in answer.each(partition)]

        answer.take("i")
        return dict(found for of in answer.each(topic) for found in of)

    topics: dict[str, list[int]] = {}
    for place in places:
        topics.setdefault(place.topic, []).append(place.partition)
    body = _text(group) + _varint(len(topics) + 1)
    for name, partitions in topics.items():
        body += _text(name) + _varint(len(partitions) + 1)
        body += struct.pack(f">{len(partitions)}i", *partitions) + NO_TAGS
    require_stable = b"\1"
    return Call(9, 7, body + require_stable + NO_TAGS, read)


def _errors(answer: Reader, partition: Callable[[], tuple[Any, ...]]) -> Errors:
    def topic() -> list[tuple[TopicPartition, int]]:
        name = answer.text()
        return [(TopicPartition(name, index), error) for index, error in answer.each(partition)]

    return dict(found for of in answer.each(topic) for found in of)


def _by_topic(places: Iterable[TopicPartition], of: Callable[[TopicPartition], bytes]) -> bytes:
    topics: dict[str, list[bytes]] = {}
    for place in places:
        topics.setdefault(place.topic, []).append(of(place) + NO_TAGS)
    return _varint(len(topics) + 1) + b"".join(
        _text(name) + _varint(len(parts) + 1) + b"".join(parts) + NO_TAGS
        for name, parts in topics.items()
    )


def _text(text: str) -> bytes:
    data = text.encode()
    return _varint(len(data) + 1) + data


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
