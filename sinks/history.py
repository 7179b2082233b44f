"""The history database: a batch's rows and the offsets they came from, in one SQL transaction."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import psycopg

from sinks import arrays, audit, backups, chunks, writes
from sinks.batch import Batch, Place, Span
from sinks.chunks import Chunks
from sinks.current import versioned
from sinks.migrate import migrate
from sinks.rows import BY_TOPIC
from sinks.writes import REFUSED, SINK, Connection, Strategy
from streams import crash

CONNECT_TIMEOUT_S = 5
COMMIT_TIMEOUT_S = 30.0

LOST = (
    psycopg.OperationalError,  # also: too many sessions, disk full, deadlock
    psycopg.InterfaceError,
    psycopg.errors.ReadOnlySqlTransaction,  # a standby, until it is promoted or another is found
    TimeoutError,
)
"""The database is away, or ended our transaction: try again on a new connection."""

OPTIONS = (
    # A sink that is frozen within a transaction would else hold its rows against the one that takes over.
    "-c timezone=UTC -c idle_in_transaction_session_timeout=5000 "
    # A batch read again over compressed chunks may look into more rows than the default allows.
    "-c timescaledb.max_tuples_decompressed_per_dml_transaction=0"
)

CRASH_POINTS = ("sink_fenced", "sink_rows", "sink_before_commit", "sink_after_commit")
"""Offsets moved; rows written; all written; committed, and nobody told."""

CLAIM = """
INSERT INTO sink_offsets (sink, topic, partition, next, epoch)
SELECT %s, topic, partition, 0, 1
FROM unnest(%b::text[], %b::int[]) AS mine (topic, partition) ORDER BY topic, partition
ON CONFLICT (sink, topic, partition) DO UPDATE SET epoch = sink_offsets.epoch + 1
RETURNING topic, partition, next, epoch"""

ADVANCE = """
UPDATE sink_offsets AS o SET next = b.next
FROM unnest(%b::text[], %b::int[], %b::bigint[], %b::bigint[], %b::bigint[])
    AS b (topic, partition, first, next, epoch)
WHERE o.sink = %s AND o.topic = b.topic AND o.partition = b.partition
    AND o.epoch = b.epoch AND o.next = b.first"""

PROGRESS = """
SELECT topic, partition, next, epoch FROM sink_offsets
WHERE sink = %s AND (topic, partition) IN (SELECT * FROM unnest(%b::text[], %b::int[]))"""

CURRENT = """
SELECT kind, key, log_offset, value::text FROM current_state WHERE kind = ANY(%s) AND log_partition = %s"""


class Fenced(Exception):
    """Another sink owns a partition now, or the database is not the one we wrote to; a restart mends it."""


class Claim(NamedTuple):
    """Our ownership of a partition: the first offset that is not stored yet, and the epoch that fences others."""

    next: int
    epoch: int


class Written(NamedTuple):
    """A committed batch. rows: new ones by table; conflicts: rows that were there already and say the same."""

    rows: dict[str, int]
    conflicts: int


class Snapshot(NamedTuple):
    """What is current in one partition, as of `next`: versioned JSON by kind and key."""

    next: int
    entries: dict[tuple[str, str], bytes]


class History:
    """One plain connection; the caller reconnects it after an error in `LOST`. One call at a time."""

    def __init__(self, url: str, passage: crash.Passage = crash.nowhere) -> None:
        self._url = url
        self._passage = passage
        self._connection: Connection | None = None
        self._claims: dict[Place, Claim] = {}

    @property
    def connected(self) -> bool:
        return self._connection is not None

    async def connect(self, *, require_timescaledb: bool = False) -> None:
        """Connect and migrate, where that is not done already. Raises LOST, migrate.SchemaRefused."""
        if self._connection is not None:
            return
        async with asyncio.timeout(COMMIT_TIMEOUT_S):
            connection = await psycopg.AsyncConnection.connect(
                self._url,
                autocommit=True,
                connect_timeout=CONNECT_TIMEOUT_S,
                application_name="headrace-sink",
                keepalives_idle=10,
                keepalives_interval=5,
                keepalives_count=3,
                tcp_user_timeout=20_000,
                options=OPTIONS,
            )
            arrays.register(connection)
            try:
                await migrate(connection, require_timescaledb=require_timescaledb)
            except BaseException:
                await connection.close()
                raise
        self._connection = connection

    async def close(self) -> None:
        """Drop the connection; an open transaction is rolled back by the server."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def claim(self, places: Iterable[Place]) -> dict[Place, Claim]:
        """Take partitions over, fencing their former owner, and forget all others. Raises LOST."""
        wanted = sorted(places)
        self._claims = {}
        if wanted:
            async with asyncio.timeout(COMMIT_TIMEOUT_S):
                rows = await self._sql.execute(CLAIM, [SINK, *_places(wanted)])
                self._claims = {(t, p): Claim(next_, e) for t, p, next_, e in await rows.fetchall()}
        return dict(self._claims)

    async def commit(self, batch: Batch) -> Written:
        """Store a batch and its offsets, or nothing. Raises LOST, Fenced, writes.Differs."""
        async with asyncio.timeout(COMMIT_TIMEOUT_S):
            try:
                written = await self._commit(batch, writes.at_once)
            except REFUSED:
                written = await self._commit(batch, writes.halving)
        for place, span in batch.spans.items():
            self._claims[place] = self._claims[place]._replace(next=span.next)
        return written

    async def snapshot(self, place: Place, kinds: Sequence[str]) -> Snapshot:
        """What is current in one partition. Raises LOST."""
        async with asyncio.timeout(COMMIT_TIMEOUT_S), self._sql.transaction():
            await self._sql.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            progress = await self._progress([place])
            rows = await self._sql.execute(CURRENT, [list(kinds), place[1]])
            entries = {
                (kind, key): versioned(offset, value.encode())
                for kind, key, offset, value in await rows.fetchall()
            }
        return Snapshot(progress[place].next, entries)

    async def chunks(self) -> Chunks | None:
        """How it lies on disk, see `sinks.chunks`. Raises LOST."""
        async with asyncio.timeout(COMMIT_TIMEOUT_S):
            return await chunks.count(self._sql)

    async def backups(self) -> dict[str, float]:
        """When each part was last copied, see `sinks.backups`. Raises LOST."""
        async with asyncio.timeout(COMMIT_TIMEOUT_S):
            return await backups.newest(self._sql)

    @property
    def _sql(self) -> Connection:
        if self._connection is None:
            raise psycopg.InterfaceError("not connected")
        return self._connection

    async def _commit(self, batch: Batch, strategy: Strategy) -> Written:
        rejected = len(batch.rejects)
        try:
            async with self._sql.transaction():
                if not await self._advance(batch):
                    return Written({BY_TOPIC[t].name: len(r) for t, r in batch.rows.items()}, 0)
                self._passage("sink_fenced")
                written = await self._insert(batch, strategy)
                self._passage("sink_rows")
                await writes.reject(self._sql, batch.rejects)
                await writes.follow(self._sql, strategy, batch)
                await audit.append(self._sql, batch)
                self._passage("sink_before_commit")
        except BaseException:
            del batch.rejects[rejected:]
            raise
        self._passage("sink_after_commit")
        return written

    async def _advance(self, batch: Batch) -> bool:
        """Move the offsets first, so that rivals queue here. False: a lost reply, this batch is stored already."""
        places = sorted(batch.spans)
        spans = [batch.spans[place] for place in places]
        epochs = [self._claims[place].epoch for place in places]
        moved = await self._sql.execute(ADVANCE, [*_places(places), *_spans(spans, epochs), SINK])
        if moved.rowcount == len(places):
            return True
        stored = await self._progress(places)
        wanted = {p: Claim(s.next, e) for p, s, e in zip(places, spans, epochs, strict=True)}
        if stored == wanted:
            return False
        differing = {p: (stored.get(p), wanted[p]) for p in places if stored.get(p) != wanted[p]}
        raise Fenced(f"(stored, ours) of {differing}")

    async def _progress(self, places: list[Place]) -> dict[Place, Claim]:
        rows = await self._sql.execute(PROGRESS, [SINK, *_places(places)])
        return {(topic, p): Claim(next_, epoch) for topic, p, next_, epoch in await rows.fetchall()}

    async def _insert(self, batch: Batch, strategy: Strategy) -> Written:
        counts: dict[str, int] = {}
        conflicts = 0
        for topic, rows in sorted(batch.rows.items()):
            if rows:
                table, before = BY_TOPIC[topic], len(batch.rejects)
                new = await writes.insert(self._sql, strategy, table, rows, batch)
                counts[table.name] = new
                conflicts += len(rows) - (len(batch.rejects) - before) - new
        return Written(counts, conflicts)


def _places(places: Sequence[Place]) -> list[arrays.Array]:
    topics, partitions = zip(*places, strict=True)
    return [arrays.texts(topics), arrays.ints(partitions)]


def _spans(spans: Sequence[Span], epochs: Sequence[int]) -> list[arrays.Array]:
    firsts, nexts = zip(*spans, strict=True)
    return [arrays.bigints(firsts), arrays.bigints(nexts), arrays.bigints(epochs)]
