"""Exports a range of topics to parquet: market data as the file feed reads it, other topics record by record."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from aiokafka import TopicPartition

from api import reference
from api.replay import kafka_source, ranged
from api.replay.manifest import Range
from api.replay.market_files import MarketFiles
from api.replay.ranged import MARKET
from streams import codec, control, log, topics
from streams.codec import Undecodable
from streams.cursor import Cursor
from streams.instruments import Instrument
from streams.merge import BATCH, merged

RECORDS = pa.schema(
    [
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        ("timestamp_ms", pa.int64()),
        ("key", pa.binary()),
        ("value", pa.binary()),
        ("headers", pa.map_(pa.string(), pa.binary())),
    ]
)


async def capture(
    brokers: str, names: Sequence[str], since_ms: int | None, until_ms: int | None, into: Path
) -> dict[str, int]:
    """Write the records of [since, until); returns their numbers by topic, and of those that cannot be read."""
    ranges = await kafka_source.ranges(brokers, names, since_ms, until_ms)
    into.mkdir(parents=True, exist_ok=True)
    told: dict[str, int] = {}
    market = [each for each in ranges if each.topic in MARKET]
    if market:
        told |= await _market(brokers, market, await _instruments(brokers), into)
    for name in names:
        if name not in MARKET:
            told[name] = await _records(brokers, [r for r in ranges if r.topic == name], into)
    return told


async def _instruments(brokers: str) -> dict[str, Instrument]:
    found = {}
    for value in (await reference.latest(brokers)).values():
        try:
            record = control.decode(value)
        except Undecodable:
            continue
        if isinstance(record, control.InstrumentRecord):
            found[record.instrument.symbol] = record.instrument
    return found


async def _market(
    brokers: str, ranges: Sequence[Range], instruments: dict[str, Instrument], into: Path
) -> dict[str, int]:
    unreadable = 0
    async with log.reader(brokers) as consumer:
        cursor = Cursor(consumer, _starts(ranges))
        await cursor.open()
        with MarketFiles(into, instruments) as files:
            async for batch in merged([ranged.lane(cursor, each) for each in ranges]):
                for place, record in batch:
                    try:
                        event = topics.BY_NAME[place.topic].decode(record.value or b"")
                    except codec.Undecodable:
                        unreadable += 1
                        continue
                    if event.symbol in instruments:
                        files.write([event])
                    else:
                        unreadable += 1
    return {"market.quotes": files.rows["quotes"], "market.trades": files.rows["trades"]} | (
        {"unreadable": unreadable} if unreadable else {}
    )


async def _records(brokers: str, ranges: Sequence[Range], into: Path) -> int:
    count = 0
    async with log.reader(brokers) as consumer:
        cursor = Cursor(consumer, _starts(ranges))
        await cursor.open()
        with pq.ParquetWriter(into / f"{ranges[0].topic}.parquet", RECORDS) as writer:
            for each in ranges:
                place = TopicPartition(each.topic, each.partition)
                while rows := await cursor.take(place, BATCH, each.end):
                    writer.write_table(pa.Table.from_pylist([_row(r) for r in rows], RECORDS))
                    count += len(rows)
    return count


def _row(record: Any) -> dict[str, Any]:
    return {
        "partition": record.partition,
        "offset": record.offset,
        "timestamp_ms": record.timestamp,
        "key": record.key,
        "value": record.value,
        "headers": list(record.headers),
    }


def _starts(ranges: Sequence[Range]) -> dict[TopicPartition, int]:
    return {TopicPartition(each.topic, each.partition): each.start for each in ranges}
