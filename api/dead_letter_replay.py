"""Sends dead letters again: their bytes onto their topic, and a marker of it, in one transaction.

The transactional id is one for all: a second replay at the same time fences the first, and reads its markers before it
sends anything. So a letter is sent once, whoever asks, however often, and wherever a process dies.
"""

import hashlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiokafka import AIOKafkaProducer

from api import dead_letters
from api.dead_letters import Filter, Letter
from streams import codec, log
from streams.ids import Ref
from streams.login import connection
from streams.messages import Replayed
from streams.topics import BY_NAME, CONTROL, DEAD_LETTERS, ORDERS, REPLAYED

SENT_AGAIN = "dead_letter"
"""The header of a record that was sent again: `partition:offset` of its letter."""
STAMP = "stamp"
"""Left out: it names a cause and a step that have had their outputs."""
COMMANDS = frozenset({ORDERS.name, CONTROL.name})
"""They are commanded anew, at the present time; anything else keeps its event time."""
LETTERS_MAX = 10_000


@dataclass
class Outcome:
    """What a replay did. refused: letter and why it was not sent."""

    sent: list[Replayed] = field(default_factory=list)
    refused: list[tuple[Letter, str]] = field(default_factory=list)


async def replay(
    brokers: str, app: str, wanted: Filter, *, by: str, note: str = "", again: bool = False
) -> Outcome:
    """Send the letters that pass. again: those too that were sent before. Raises KafkaError: then nothing was sent."""
    outcome = Outcome()
    async with _producer(brokers, f"{app}-dlq-replay") as producer:
        letters = [letter async for letter in dead_letters.read(brokers, wanted)]
        good: list[tuple[Letter, bytes | None]] = []
        for letter in letters[:LETTERS_MAX]:
            refusal, value = await _value(brokers, letter, again=again)
            if refusal:
                outcome.refused.append((letter, refusal))
            else:
                good.append((letter, value))
        if good:
            async with producer.transaction():
                for letter, value in good:
                    outcome.sent.append(await _send(producer, letter, value, by, note))
    return outcome


@asynccontextmanager
async def _producer(brokers: str, transactional_id: str) -> AsyncIterator[AIOKafkaProducer]:
    """A started one, which has fenced any other of its id and ended its transaction."""
    producer = AIOKafkaProducer(**connection(brokers), transactional_id=transactional_id)
    try:
        await producer.start()
        yield producer
    finally:
        await producer.stop()


async def _value(brokers: str, letter: Letter, *, again: bool) -> tuple[str, bytes | None]:
    """Why the letter cannot be sent, or "" and the whole value."""
    message = letter.message
    if letter.replays and not again:
        last = letter.replays[-1]
        at = f"{last.to.topic}[{last.to.partition}]@{last.to.offset}"
        return f"was sent again already, by {last.by}: it is {at}", None
    if message.origin.topic not in BY_NAME or message.origin.topic == DEAD_LETTERS.name:
        return f"{message.origin.topic} is no topic to send it to", None
    if len(message.value or b"") == message.length:
        return "", message.value
    value = await _origin(brokers, message.origin)
    if value is None or hashlib.sha256(value).hexdigest() != message.sha256:
        return "the letter holds a part of the value, and its origin no longer has the rest", None
    return "", value


async def _origin(brokers: str, origin: Ref) -> bytes | None:
    """The value of the record itself, while its topic keeps it."""
    async with log.reader(brokers) as consumer:
        places = await log.partitions_of(consumer, [origin.topic])
        place = next((p for p in places if p.partition == origin.partition), None)
        if place is None or (await consumer.beginning_offsets([place]))[place] > origin.offset:
            return None
        async for record in log.between(consumer, {place: origin.offset}):
            return record.value if record.offset == origin.offset else None
    return None


async def _send(
    producer: AIOKafkaProducer, letter: Letter, value: bytes | None, by: str, note: str
) -> Replayed:
    message, now_ns = letter.message, time.time_ns()
    origin = message.origin
    headers = [(name, held) for name, held in message.headers if name not in (STAMP, SENT_AGAIN)]
    moment = now_ns // 1_000_000 if origin.topic in COMMANDS else message.timestamp_ms
    sent = await producer.send_and_wait(
        origin.topic,
        value,
        message.key,
        partition=origin.partition,
        timestamp_ms=moment,
        headers=[*headers, (SENT_AGAIN, letter.name.encode())],
    )
    to = Ref(sent.topic, sent.partition, sent.offset)
    marker = Replayed(letter=letter.place, to=to, by=by, time=now_ns, note=note)
    await producer.send_and_wait(REPLAYED.name, codec.encode(marker), letter.name.encode())
    return marker
