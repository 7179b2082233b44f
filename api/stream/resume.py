"""What a client missed while it was away, read from the log; or the word that it is no longer there."""

import asyncio

from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from api.stream.events import Event, of_record
from api.stream.vector import Vector
from streams import log

GAP_RECORDS_MAX = 50_000
READERS = asyncio.Semaphore(4)
"""Readers cost connections; after a restart all clients come at once."""


class Gone(Exception):
    """The gap cannot be filled: the client must load everything anew."""


async def missed(brokers: str, since: Vector, until: Vector) -> list[Event]:
    """The events in [since, until) of each partition, by time. Raises Gone."""
    if since.keys() != until.keys():
        raise Gone("the partitions are others")
    gaps = {place: at for place, at in since.items() if at < until[place]}
    if sum(until[place] - at for place, at in gaps.items()) > GAP_RECORDS_MAX:
        raise Gone("too much was missed")
    if any(at > until[place] for place, at in since.items()):
        raise Gone("the log is another")
    if not gaps:
        return []
    try:
        async with READERS, log.reader(brokers) as consumer:
            begins = await consumer.beginning_offsets(list(gaps))
            if any(begins[place] > at for place, at in gaps.items()):
                raise Gone("the log no longer holds what was missed")
            records = [record async for record in log.between(consumer, gaps)]
    except (OffsetOutOfRangeError, KafkaError) as error:
        raise Gone("the log cannot be read") from error
    records.sort(
        key=lambda record: (record.timestamp_ms, record.topic, record.partition, record.offset)
    )
    events = [of_record(record) for record in records]
    return [e for e in events if e is not None and e.place is not None and e.next <= until[e.place]]
