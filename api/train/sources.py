"""Where examples and predictions are read, for trainings and reports: the history, the topic, or what a replay kept."""

import gzip
import struct
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec
import psycopg

from api.train.refused import NotTrained
from streams import log
from streams.codec import Undecodable
from streams.ids import Ref
from streams.predictions import Answer, Example, Prediction
from streams.topics import Topic

EXAMPLES_MAX = 2_000_000
"""More are not read at once; a range that holds more is to be cut."""

FETCHED = 10_000

HISTORY = """
SELECT prediction_id, symbol, model, lane, spec, set_hash, state, event_ns, known_at_ns, elapsed_ns, mid2, ready, v,
    features_topic, features_partition, features_offset, known_topic, known_partition, known_offset, y, r_bps,
    version, p, outputs::text, cost_bps
FROM examples WHERE model = %s AND ts >= to_timestamp(%s) AND event_ns >= %s AND event_ns < %s"""

PREDICTIONS = """
SELECT prediction_id, symbol, model, event_ns, bid, ask, mid2, version, p, abstain, learned, features_topic,
    features_partition, features_offset, flags::text
FROM predictions WHERE model = %s AND ts >= to_timestamp(%s) AND event_ns >= %s AND event_ns < %s"""

Read = TypeVar("Read", Example, Prediction)


class TooMany(NotTrained):
    """The range holds more than is read at once."""


class Range(NamedTuple):
    """Examples of one model with vectors in [since, until), ns of event time."""

    model: str
    since: int
    until: int

    def holds(self, message: Example | Prediction) -> bool:
        return message.model == self.model and self.since <= message.time < self.until


async def history(url: str, wanted: Range) -> AsyncIterator[Example]:
    """From the table `examples`, in no order."""
    async for row in _rows(url, HISTORY, wanted):
        yield _example(row)


async def predictions(url: str, wanted: Range) -> AsyncIterator[Prediction]:
    """From the table `predictions`, what was served and its flags alone."""
    async for row in _rows(url, PREDICTIONS, wanted):
        given = dict(zip(Prediction.__struct_fields__[:7], row[:7], strict=True))
        yield Prediction(
            **given,
            served=Answer(row[7], row[8], row[9], row[10]),
            features_ref=Ref(*row[11:14]),
            flags=msgspec.json.decode(row[14], type=tuple[str, ...]),
        )


async def topic(brokers: str, of: Topic, wanted: Range) -> AsyncIterator[Any]:
    """From a topic, which reaches back 90 days."""
    async with log.reader(brokers) as consumer:
        places = await log.partitions_of(consumer, [of.name])
        since_ms = max(wanted.since // 1_000_000, 0)
        found = await consumer.offsets_for_times(dict.fromkeys(places, since_ms))
        begin = {place: at.offset for place, at in found.items() if at is not None}
        async for record in log.between(consumer, begin):
            message = of.decode(record.value or b"")
            if wanted.holds(message):
                yield message


async def file(path: Path, of: Topic, wanted: Range) -> AsyncIterator[Any]:
    """From a file of one JSON document a line, also gzipped. Raises Undecodable with the line's number."""
    opened: Any = gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")
    with opened as lines:
        for number, line in enumerate(lines, start=1):
            try:
                message = of.decode(line)
            except Undecodable as error:
                raise Undecodable(error.reason, f"{path}:{number}: {error.detail}") from error
            if wanted.holds(message):
                yield message


async def collected(messages: AsyncIterator[Read]) -> list[Read]:
    """All of them. Raises TooMany."""
    found: list[Read] = []
    async for message in messages:
        found.append(message)
        if len(found) > EXAMPLES_MAX:
            raise TooMany(f"too_many: more than {EXAMPLES_MAX:,} records; give a shorter range")
    return found


async def _rows(url: str, query: str, wanted: Range) -> AsyncIterator[tuple[Any, ...]]:
    begin_s = max(wanted.since / 1e9 - 1, 0)  # a record's time is never before its vector's
    async with await psycopg.AsyncConnection.connect(url) as sql, sql.cursor("learned") as cursor:
        cursor.itersize = FETCHED
        await cursor.execute(query.encode(), [wanted.model, begin_s, wanted.since, wanted.until])
        async for row in cursor:
            yield row


def _example(row: tuple[Any, ...]) -> Example:
    given = dict(zip(Example.__struct_fields__[:12], row[:12], strict=True))
    vector = struct.pack(f"<{len(row[12])}d", *row[12])
    y, r_bps, version, p, outputs, cost_bps = row[19:]
    return Example(
        **given,
        vector=vector,
        features_ref=Ref(*row[13:16]),
        known_ref=Ref(*row[16:19]),
        y=y,
        r_bps=r_bps,
        version=version,
        p=p,
        outputs=msgspec.json.decode(outputs, type=tuple[Answer, ...]),
        cost_bps=cost_bps,
    )
