"""Files of market data as the source of a replay: their instruments, a paper account, and their rows in file order."""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from agents.backtest import Source
from agents.handler import LogRecord
from api import feeding, reference
from api.feeding import Feed, FeedPlan
from api.replay.manifest import Manifest
from api.replay.ranged import Change
from streams import codec, control, topics
from streams.feeds.source import MILLISECOND_NS, Event
from streams.feeds.source import Source as Feeding
from streams.messages import Trade
from streams.partition import partition_of


async def records(manifest: Manifest, change: Change) -> AsyncIterator[list[Source]]:
    """Reference data, then trades and quotes in the order in which they were received, under their own times."""
    plan = FeedPlan(
        Feed.FILE, Path(manifest.path), "max", symbols=manifest.symbols, keep_times=True
    )
    source = await feeding.open_source(plan)
    began_ms = (source.oldest_time or 0) // MILLISECOND_NS
    yield list(_reference(source, manifest.paper, began_ms, change))
    offsets: dict[tuple[str, int], int] = defaultdict(int)
    since, until = manifest.since_ms, manifest.until_ms
    async for batch in source.events():
        found = [_record(event, manifest.partitions, offsets) for event in batch]
        yield [
            each
            for each in found
            if (since is None or each.record.timestamp >= since)
            and (until is None or each.record.timestamp < until)
        ]


def _reference(source: Feeding, account: str, began_ms: int, change: Change) -> Iterator[Source]:
    wanted = reference.instruments(source.instruments)
    for currency in sorted({instrument.quote for instrument in source.instruments}):
        wanted += reference.paper_account(account, currency)
    for offset, each in enumerate(wanted):
        value = change(control.encode(each))
        record = LogRecord(offset, began_ms, control.key(each).encode(), value)
        yield Source(topics.CONTROL.name, 0, record)


def _record(event: Event, partitions: int, offsets: dict[tuple[str, int], int]) -> Source:
    topic = topics.TRADES.name if type(event) is Trade else topics.QUOTES.name
    partition = partition_of(event.symbol, partitions)
    offset = offsets[topic, partition]
    offsets[topic, partition] = offset + 1
    moment = event.time // MILLISECOND_NS
    return Source(
        topic, partition, LogRecord(offset, moment, event.symbol.encode(), codec.encode(event))
    )
