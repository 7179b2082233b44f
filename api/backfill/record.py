"""The record of runs and their chunks in the database: one process a key, and a run that was cut short goes on."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

import psycopg
from psycopg.rows import TupleRow

from api.backfill.order import Chunk, Order, chunks

Connection = psycopg.AsyncConnection[TupleRow]
End = Literal["succeeded", "partial", "failed", "cancelled", "waiting"]
LOCK = 0x4846494C  # "HFIL"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

ABANDON = """
UPDATE backfill_runs SET state = 'interrupted', ended_at = now()
WHERE source = %s AND symbol = %s AND interval = %s AND state IN ('pending', 'running')"""

FIND = """
SELECT run_id, state, resume_at, since, until FROM backfill_runs
WHERE source = %(source)s AND symbol = %(symbol)s AND interval = %(interval)s AND (
    run_id = %(run)s OR (%(run)s = '' AND since = %(since)s AND until = %(until)s AND state <> 'succeeded')
) ORDER BY started_at DESC LIMIT 1"""

GO_ON = """
UPDATE backfill_runs SET state = 'running', heartbeat_at = now(), ended_at = NULL, resume_at = NULL, error = ''
WHERE run_id = %s"""

NEW = """
INSERT INTO backfill_runs (run_id, source, symbol, interval, since, until, state)
VALUES (%s, %s, %s, %s, %s, %s, 'pending')"""

NEW_CHUNK = "INSERT INTO backfill_chunks (run_id, chunk, since, until) VALUES (%s, %s, %s, %s)"
BEAT = "UPDATE backfill_runs SET heartbeat_at = now() WHERE run_id = %s AND state = 'running'"

END = """
UPDATE backfill_runs
SET state = %s, ended_at = now(), heartbeat_at = now(), resume_at = %s, retries = retries + %s, docs = %s, error = %s
WHERE run_id = %s AND state = 'running'"""


class RunRefused(Exception):
    """A run that cannot begin, or is not this process's any more."""


@dataclass
class Step:
    """A chunk and how far it has come."""

    chunk: Chunk
    state: str = "pending"
    last_trade: int | None = None


@dataclass(frozen=True)
class Run:
    """A run that is under way, and all its steps in order."""

    run_id: str
    order: Order
    steps: list[Step] = field(default_factory=list)


@dataclass(frozen=True)
class Ending:
    """How a run ended. resume_at: ns, where it waits. docs: where the pages on its validations are."""

    state: End
    retries: int = 0
    docs: str = ""
    error: str = ""
    resume_at: int = 0


def moment(ns: int) -> datetime:
    """Of ns since 1970; microseconds are as fine as the database tells times."""
    return EPOCH + timedelta(microseconds=ns // 1000)


def nanoseconds(at: datetime) -> int:
    """ns since 1970 of the database's time."""
    return (at - EPOCH) // timedelta(microseconds=1) * 1000


class Record:
    """Reads and writes it on one connection, one statement or transaction at a time."""

    def __init__(self, sql: Connection) -> None:
        self._sql = sql
        self._free = asyncio.Lock()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """The connection within a transaction of its own."""
        async with self._free, self._sql.transaction():
            yield self._sql

    async def begin(self, order: Order, resume: str, now: int) -> Run:
        """A new run, or the unfinished one of this order, or the one that is named. Raises RunRefused."""
        async with self.transaction() as sql:
            await self._lock(order)
            key = [order.source, order.symbol, order.interval]
            await sql.execute(ABANDON, key)
            run = await self._found(order, resume, now) or await self._new(order, now)
            await sql.execute(GO_ON, [run.run_id])
        return run

    async def mark(self, run: Run, step: Step, state: str, error: str = "") -> None:
        """A chunk has come so far; the run lives. Raises RunRefused."""
        async with self.transaction() as sql:
            await beat(sql, run.run_id)
            await sql.execute(
                "UPDATE backfill_chunks SET state = %s, error = %s WHERE run_id = %s AND chunk = %s",
                [state, error, run.run_id, step.chunk.number],
            )
        step.state = state

    async def beat(self, run: Run) -> None:
        """The run lives. Raises RunRefused."""
        async with self.transaction() as sql:
            await beat(sql, run.run_id)

    async def end(self, run: Run, ending: Ending) -> None:
        """The run is over, or waits."""
        resume_at = moment(ending.resume_at) if ending.state == "waiting" else None
        values = [ending.state, resume_at, ending.retries, ending.docs, ending.error, run.run_id]
        async with self.transaction() as sql:
            await sql.execute(END, values)

    async def _lock(self, order: Order) -> None:
        """For the life of the connection."""
        number = int.from_bytes(hashlib.sha256(order.key.encode()).digest()[:4], signed=True)
        asked = await self._sql.execute("SELECT pg_try_advisory_lock(%s, %s)", [LOCK, number])
        if (await asked.fetchone()) != (True,):
            raise RunRefused(f"another backfill of {order.key} is under way")

    async def _found(self, order: Order, resume: str, now: int) -> Run | None:
        given = {
            "source": order.source,
            "symbol": order.symbol,
            "interval": order.interval,
            "since": moment(order.since),
            "until": moment(order.until),
            "run": resume,
        }
        found = await (await self._sql.execute(FIND, given)).fetchone()
        if found is None:
            if resume:
                raise RunRefused(f"there is no run {resume} of {order.key}")
            return None
        run_id, state, resume_at, since, until = found
        if state == "succeeded":
            raise RunRefused(f"{run_id} has succeeded; without --resume the range is fetched again")
        if resume_at is not None and resume_at > moment(now):
            raise RunRefused(f"{run_id} waits until {resume_at:%Y-%m-%dT%H:%M:%SZ}")
        asked = replace(order, since=nanoseconds(since), until=nanoseconds(until))
        return Run(run_id, asked, await self._steps(run_id))

    async def _steps(self, run_id: str) -> list[Step]:
        rows = await self._sql.execute(
            "SELECT chunk, since, until, state, last_trade FROM backfill_chunks "
            "WHERE run_id = %s ORDER BY chunk",
            [run_id],
        )
        return [
            Step(Chunk(number, nanoseconds(since), nanoseconds(until)), state, last_trade)
            for number, since, until, state, last_trade in await rows.fetchall()
        ]

    async def _new(self, order: Order, now: int) -> Run:
        run_id = f"{_stem(order)}-{await self._count(order) + 1}"
        key = [order.source, order.symbol, order.interval]
        values = [run_id, *key, moment(order.since), moment(order.until)]
        await self._sql.execute(NEW, values)
        steps = [Step(chunk) for chunk in chunks(order, now)]
        rows = [
            (run_id, s.chunk.number, moment(s.chunk.since), moment(s.chunk.until)) for s in steps
        ]
        async with self._sql.cursor() as cursor:
            await cursor.executemany(NEW_CHUNK, rows)
        return Run(run_id, order, steps)

    async def _count(self, order: Order) -> int:
        stem = _stem(order)
        asked = await self._sql.execute(
            "SELECT count(*) FROM backfill_runs WHERE starts_with(run_id, %s)", [f"{stem}-"]
        )
        row = await asked.fetchone()
        return int(row[0]) if row else 0


async def beat(sql: Connection, run_id: str) -> None:
    """Within a transaction: the run lives. Raises RunRefused where it is another's by now."""
    beaten = await sql.execute(BEAT, [run_id])
    if beaten.rowcount != 1:
        raise RunRefused(f"{run_id} is not running any more")


def _stem(order: Order) -> str:
    """What the names of an order's runs begin with."""
    asked = f"{order.key} {order.since} {order.until}"
    digest = hashlib.sha256(asked.encode()).hexdigest()[:8]
    return f"{order.source}-{order.base}{order.quote}-{order.interval}-{digest}"
