"""Reads `dead.letters` with filters, and what became of each letter; for the `dlq` commands."""

import re
from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from api import shapes
from streams import log
from streams.codec import Undecodable
from streams.ids import Ref
from streams.messages import DeadLetter, Replayed
from streams.topics import DEAD_LETTERS, REPLAYED

NAME = re.compile(r"([0-9]{1,6}):([0-9]{1,18})")


class Letter(NamedTuple):
    """One dead letter. place: its own, on `dead.letters`; replays: when it was sent again, the oldest first."""

    place: Ref
    message: DeadLetter
    replays: tuple[Replayed, ...] = ()

    @property
    def name(self) -> str:
        """What the commands call it: `partition:offset`."""
        return f"{self.place.partition}:{self.place.offset}"


@dataclass(frozen=True)
class Filter:
    """Which letters are wanted; "", None and the empty set let all pass. since_ms, until_ms: of the origin's time.

    names: of letters, as `Letter.name`. replayed: only those that were, or were not, sent again.
    """

    topic: str = ""
    reason: str = ""
    group: str = ""
    partition: int | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    names: frozenset[str] = frozenset()
    replayed: bool | None = None

    def passes(self, letter: Letter) -> bool:
        message = letter.message
        wanted = (
            self.topic in ("", message.origin.topic),
            self.reason in ("", message.reason),
            self.group in ("", message.group),
            self.partition in (None, message.origin.partition),
            self.since_ms is None or message.timestamp_ms >= self.since_ms,
            self.until_ms is None or message.timestamp_ms < self.until_ms,
            not self.names or letter.name in self.names,
            self.replayed in (None, bool(letter.replays)),
        )
        return all(wanted)


async def read(brokers: str, wanted: Filter) -> AsyncIterator[Letter]:
    """The committed letters that pass, by partition in their order; raises LookupError without the topics.

    The replays are read first and held, since they are few; the letters pass by one at a time.
    """
    replays = await replayed(brokers)
    async with log.reader(brokers) as consumer:
        places = await log.partitions_of(consumer, [DEAD_LETTERS.name])
        starts = await consumer.beginning_offsets(places)
        async for record in log.between(consumer, starts):
            place = Ref(record.topic, record.partition, record.offset)
            try:
                message = DEAD_LETTERS.decode(record.value or b"")
            except Undecodable as error:
                message = _unreadable(record, error)
            letter = Letter(place, message, tuple(replays.get(place, ())))
            if wanted.passes(letter):
                yield letter


async def replayed(brokers: str) -> dict[Ref, list[Replayed]]:
    """By the place of a letter: when it was sent again."""
    found: dict[Ref, list[Replayed]] = {}
    for record in await log.read_all(brokers, REPLAYED.name):
        marker: Replayed = REPLAYED.decode(record.value or b"")
        found.setdefault(marker.letter, []).append(marker)
    return found


def _unreadable(record: log.Record, error: Undecodable) -> DeadLetter:
    """A record of `dead.letters` that is none, shown in the shape of one."""
    origin = Ref(record.topic, record.partition, record.offset)
    value = record.value or b""
    return DeadLetter(
        origin, record.timestamp_ms, "UNREADABLE_LETTER", str(error), "", len(value), value=value
    )


def shown(letter: Letter, *, whole: bool = False) -> dict[str, Any]:
    """whole: with its bytes, in base64 and, where they are text, as text."""
    message = letter.message
    shown = {
        "letter": letter.name,
        "origin": shapes.ref(message.origin),
        "time": shapes.rfc3339(message.timestamp_ms * 1_000_000),
        "reason": message.reason,
        "error": message.error,
        "group": message.group,
        "sha256": message.sha256,
        "length": message.length,
        "replays": [
            {
                "to": shapes.ref(replay.to),
                "by": replay.by,
                "time": shapes.rfc3339(replay.time),
                "note": replay.note,
            }
            for replay in letter.replays
        ],
    }
    if not whole:
        return shown
    return shown | {
        "key": _bytes(message.key),
        "value": _bytes(message.value),
        "headers": [[name, _bytes(value)] for name, value in message.headers],
    }


def _bytes(given: bytes | None) -> dict[str, str] | None:
    if given is None:
        return None
    shown = {"base64": b64encode(given).decode()}
    try:
        return shown | {"text": given.decode()}
    except UnicodeDecodeError:
        return shown
