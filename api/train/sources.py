"""Where the rows of a training or a report come from: the history, the topic, or a file that a replay kept."""

import gzip
import struct
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import psycopg

from streams import log
from streams.codec import Undecodable
from streams.ids import Ref
from streams.predictions import Answer, Example
from streams.topics import EXAMPLES

EXAMPLES_MAX = 2_000_000
"""More are not read at once; a range that holds more is to be cut."""

FETCHED = 10_000

HISTORY = """
SELECT prediction_id, symbol, model, lane, spec, set_hash, state, event_ns, known_at_ns, elapsed_ns, mid2, ready, v,
    features_topic, features_partition, features_offset, known_topic, known_partition, known_offset, y, r_bps,
    version, p, outputs::text, cost_bps
FROM examples WHERE model = %s AND ts >= to_timestamp(%s) AND event_ns >= %s AND event_ns < %s"""


class TooMany(Exception):
    """The range holds more examples than are read at once."""


class Range(NamedTuple):
    """Examples of one model with vectors in [since, until), ns of event time."""

    model: str
    since: int
    until: int

    def holds(self, example: Example) -> bool:
        return example.model == self.model and self.since <= example.time < self.until


async def history(url: str, wanted: Range) -> AsyncIterator[Example]:
    """From the table `examples`, in no order."""
    begin_s = (
        wanted.since / 1e9 - 1
    )  # an example is recorded when its label is known, never before its vector
    async with await psycopg.AsyncConnection.connect(url) as sql, sql.cursor("examples") as cursor:
        cursor.itersize = FETCHED
        await cursor.execute(HISTORY, [wanted.model, max(begin_s, 0), wanted.since, wanted.until])
        async for row in cursor:
            yield _example(row)


async def topic(brokers: str, wanted: Range) -> AsyncIterator[Example]:
    """From the topic, which reaches back 90 days."""
    async with log.reader(brokers) as consumer:
        places = await log.partitions_of(consumer, [EXAMPLES.name])
        starts = await consumer.beginning_offsets(places)
        found = await consumer.offsets_for_times(
            {place: max(wanted.since // 1_000_000, 0) for place in places}
        )
        ends = await consumer.end_offsets(places)
        begin = {
            place: found[place].offset if found.get(place) else ends[place] for place in starts
        }
        async for record in log.between(consumer, begin):
            if record.value is not None:
                example = EXAMPLES.decode(record.value)
                if wanted.holds(example):
                    yield example


async def file(path: Path, wanted: Range) -> AsyncIterator[Example]:
    """From a file of one JSON document a line, also gzipped. Raises Undecodable with the line's number."""
    opened: Any = gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")
    with opened as lines:
        for number, line in enumerate(lines, start=1):
            try:
                example = EXAMPLES.decode(line)
            except Undecodable as error:
                raise Undecodable(error.reason, f"{path}:{number}: {error}") from error
            if wanted.holds(example):
                yield example


async def collected(examples: AsyncIterator[Example]) -> list[Example]:
    """All of them. Raises TooMany."""
    found: list[Example] = []
    async for example in examples:
        found.append(example)
        if len(found) > EXAMPLES_MAX:
            raise TooMany(f"more than {EXAMPLES_MAX:,} examples; give a shorter range")
    return found


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
