"""The statements of one SQL transaction of the history sink: rows, rejects, and what is current."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import psycopg
from psycopg import errors

from sinks import arrays
from sinks.arrays import UNFIT
from sinks.batch import Batch, Reject, Row, columns
from sinks.current import TOPICS, Entry, Key
from sinks.table import Table
from streams.codec import encode

log = logging.getLogger("headrace.sink")

SINK = "history"
Connection = psycopg.AsyncConnection[Any]
Item = TypeVar("Item")

REFUSED = (
    psycopg.DataError,
    psycopg.IntegrityError,
    errors.ProgramLimitExceeded,
    *UNFIT,
)
"""A value that SQL does not take; the same again tomorrow."""

DIFFERING_SHOWN = 20


class Differs(Exception):
    """A row stands under a record's key and says something else, or the database dropped a row; a person has to act."""


REJECT = """
INSERT INTO sink_rejects (sink, topic, partition, log_offset, ts, reason, error, value)
SELECT %s, topic, partition, log_offset, to_timestamp(ms / 1000.0), reason, error, value
FROM unnest(%b::text[], %b::int[], %b::bigint[], %b::bigint[], %b::text[], %b::text[], %b::bytea[])
    AS r (topic, partition, log_offset, ms, reason, error, value)
ON CONFLICT DO NOTHING"""

REMEMBER = """
INSERT INTO current_state (kind, log_partition, key, account, symbol, log_offset, value)
SELECT kind, log_partition, key, account, symbol, log_offset, value
FROM unnest(%b::text[], %b::int[], %b::text[], %b::text[], %b::text[], %b::bigint[],
    %b::text[]::json[]) AS c (kind, log_partition, key, account, symbol, log_offset, value)
ORDER BY kind, log_partition, key
ON CONFLICT (kind, log_partition, key) DO UPDATE
SET log_offset = excluded.log_offset, value = excluded.value
WHERE excluded.log_offset > current_state.log_offset"""

FORGET = """
DELETE FROM current_state AS c USING unnest(%b::text[], %b::int[], %b::text[])
    AS gone (kind, log_partition, key)
WHERE c.kind = gone.kind AND c.log_partition = gone.log_partition AND c.key = gone.key"""


async def at_once(
    sql: Connection,
    items: Sequence[Item],
    write: Callable[[Sequence[Item]], Awaitable[int]],
    refuse: Callable[[Item, Exception], None],
) -> int:
    """Write all items in one statement. Raises one of REFUSED for all of them."""
    return await write(items)


async def halving(
    sql: Connection,
    items: Sequence[Item],
    write: Callable[[Sequence[Item]], Awaitable[int]],
    refuse: Callable[[Item, Exception], None],
) -> int:
    """Write all items but those that SQL refuses, which are found by halving."""
    try:
        async with sql.transaction():  # a savepoint
            return await write(items)
    except REFUSED as error:
        if len(items) == 1:
            refuse(items[0], error)
            return 0
    middle = len(items) // 2
    first = await halving(sql, items[:middle], write, refuse)
    return first + await halving(sql, items[middle:], write, refuse)


Strategy = Callable[..., Awaitable[int]]
"""`at_once` or `halving`."""


async def insert(
    sql: Connection, strategy: Strategy, table: Table, rows: Sequence[Row], batch: Batch
) -> int:
    """Insert the rows of one table; how many of them are new."""

    async def write(some: Sequence[Row]) -> int:
        ready = batch.columns.get(table.topic.name) if some is rows else None
        given = columns(table, some) if ready is None else ready
        new = (await sql.execute(table.insert.encode(), given, prepare=True)).rowcount
        if new < len(some):
            await _compare(sql, table, some, given)
        return new

    def refuse(row: Row, error: Exception) -> None:
        place = (table.topic.name, row[1])
        batch.reject(place, row[2], "SINK_REFUSED", str(error))

    return await strategy(sql, rows, write, refuse)


async def _compare(
    sql: Connection, table: Table, rows: Sequence[Row], given: list[arrays.Array]
) -> None:
    """Whether the rows that were there already say the same. Raises Differs."""
    times = [row[0] for row in rows]
    found = await sql.execute(table.differing.encode(), [*given, min(times), max(times)])
    places = await found.fetchmany(DIFFERING_SHOWN)
    if places:
        raise Differs(
            f"{table.name} does not hold what the log holds at (partition, offset) {places}"
        )


async def reject(sql: Connection, rejects: Sequence[Reject]) -> None:
    """Keep the records that no table takes."""
    if not rejects:
        return
    topics, partitions, offsets, times, reasons, texts, values = zip(*rejects, strict=True)
    parameters = [
        arrays.texts(topics),
        arrays.ints(partitions),
        arrays.bigints(offsets),
        arrays.bigints(times),
        arrays.texts(reasons),
        arrays.texts(texts),
        arrays.blobs(values),
    ]
    await sql.execute(REJECT, [SINK, *parameters])


async def follow(sql: Connection, strategy: Strategy, batch: Batch) -> None:
    """Keep the last message of each key; forget what is over. A refused record is not followed."""
    refused = {(r.topic, r.partition, r.offset) for r in batch.rejects}
    current = batch.current.items()
    gone = [key for key, entry in current if entry.message is None]
    live = [
        (key, entry)
        for key, entry in current
        if entry.message is not None
        and (TOPICS[key.kind], key.partition, entry.offset) not in refused
    ]

    async def write(some: Sequence[tuple[Key, Entry]]) -> int:
        return (await sql.execute(REMEMBER, _remembered(some), prepare=True)).rowcount

    if live:
        await strategy(sql, live, write, _not_followed)
    if gone:
        await sql.execute(FORGET, _keys(gone), prepare=True)


def _not_followed(item: tuple[Key, Entry], error: Exception) -> None:
    log.error("current state of %s cannot be kept: %s", item[0], error)


def _remembered(live: Sequence[tuple[Key, Entry]]) -> list[arrays.Array]:
    entries = [entry for _, entry in live]
    return [
        *_keys([key for key, _ in live]),
        arrays.texts([entry.account for entry in entries]),
        arrays.texts([entry.symbol for entry in entries]),
        arrays.bigints([entry.offset for entry in entries]),
        arrays.documents([encode(entry.message) for entry in entries]),
    ]


def _keys(keys: Sequence[Key]) -> list[arrays.Array]:
    kinds, partitions, names = zip(*keys, strict=True)
    return [arrays.texts(kinds), arrays.ints(partitions), arrays.texts(names)]
