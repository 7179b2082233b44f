"""Reads every topic once and keeps its counts and hashes."""

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from streams import log, topics
from streams.codec import Undecodable
from streams.topics import BY_NAME

INPUTS = (topics.TRADES, topics.QUOTES, topics.CONTROL, topics.ALIAS)
RESULTS = (
    topics.MARKS,
    topics.ORDERS,
    topics.ACCEPTED,
    topics.EVENTS,
    topics.FILLS,
    topics.STRATEGY_FILLS,
    topics.POSITIONS,
    topics.DECISIONS,
    topics.FEATURES,
    topics.PREDICTIONS,
    topics.LABELS,
    topics.EXAMPLES,
    topics.DEAD_LETTERS,
)
"""What the engine writes; `orders` too, since its strategist does."""


@dataclass
class Content:
    """What the topics hold. sha256: by `topic[partition]`, of the results."""

    records: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    rejections: Counter[str] = field(default_factory=Counter)
    dead_letters: Counter[str] = field(default_factory=Counter)
    commands_answered: set[tuple[Any, ...]] = field(default_factory=set)
    sha256: dict[str, str] = field(default_factory=dict)

    def take(self, record: log.Record) -> None:
        """Count one record."""
        self.records[record.topic] += 1
        if record.topic == topics.DECISIONS.name:
            self._take_decision(_decoded(record))
        elif record.topic == topics.DEAD_LETTERS.name:
            self._take_dead_letter(_decoded(record))

    def _take_decision(self, decision: Any) -> None:
        if decision is None:
            return
        self.outcomes[decision.outcome] += 1
        if decision.outcome == "rejected":
            self.rejections[decision.reason] += 1
        if decision.command_ref.topic == topics.ORDERS.name:
            self.commands_answered.add(decision.command_ref)

    def _take_dead_letter(self, letter: Any) -> None:
        if letter is None:
            return
        self.dead_letters[letter.reason] += 1
        if letter.origin.topic == topics.ORDERS.name:
            self.commands_answered.add(letter.origin)


async def read(brokers: str) -> Content:
    """Every committed record of the inputs and results, up to the present ends."""
    content = Content()
    names = [topic.name for topic in (*INPUTS, *RESULTS)]
    hashed = {topic.name for topic in RESULTS}
    async with log.reader(brokers) as consumer:
        partitions = await log.partitions_of(consumer, names)
        hashes = {p: hashlib.sha256() for p in partitions if p.topic in hashed}
        starts = await consumer.beginning_offsets(partitions)
        async for record in log.between(consumer, starts):
            content.take(record)
            if (place := (record.topic, record.partition)) in hashes:
                hashes[place].update(b"".join(framed(record.key, record.value)))
    for place, digest in sorted(hashes.items()):
        content.sha256[f"{place.topic}[{place.partition}]"] = digest.hexdigest()
    return content


def framed(*fields: bytes | None) -> Iterable[bytes]:
    """Each field behind its length in four bytes, big-endian; -1 for none. So no two records hash alike by chance."""
    for content in fields:
        yield (-1 if content is None else len(content)).to_bytes(4, "big", signed=True)
        yield content or b""


def _decoded(record: log.Record) -> Any:
    try:
        return BY_NAME[record.topic].decode(record.value or b"")
    except Undecodable:
        return None
