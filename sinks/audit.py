"""Appends what was commanded to the audit log, in the transaction that stores it, and reads the log back."""

from collections.abc import Sequence
from typing import Any

import psycopg

from sinks.batch import Batch, Record
from streams import control
from streams.audit import FIRST, Entry, Head, sealed, sha256
from streams.codec import Undecodable
from streams.topics import CONTROL

PARTITION = 0
"""`control` has one, so its owner is the one writer of the log."""

COLUMNS = (
    "seq, at_ms, actor, action, subject, before, after, log_partition, log_offset, prev_hash, hash"
)
HEAD = "SELECT seq, hash FROM audit_log ORDER BY seq DESC LIMIT 1"
LAST_OF = """
SELECT DISTINCT ON (subject) subject, after FROM audit_log WHERE subject = ANY(%s)
ORDER BY subject, seq DESC"""
INSERT = f"INSERT INTO audit_log ({COLUMNS}) VALUES ({', '.join(['%s'] * 11)})"
ALL = f"SELECT {COLUMNS} FROM audit_log ORDER BY seq"
STORED = "SELECT log_offset, at_ms FROM audit_log WHERE log_offset = ANY(%s)"
UNREADABLE = "unreadable"

Connection = psycopg.AsyncConnection[Any]


async def append(sql: Connection, batch: Batch) -> None:
    """Chain an entry for each record of `control` in the batch. Call it where the batch's rows are stored."""
    records = batch.origins.get((CONTROL.name, PARTITION), ())
    if not records:
        return
    stored = await sql.execute(STORED, [[record.offset for record in records]])
    there = set(await stored.fetchall())
    entries = [_entry(r) for r in records if (r.offset, r.timestamp) not in there]
    known = await sql.execute(LAST_OF, [[entry.subject for entry in entries]])
    before: dict[str, str] = dict(await known.fetchall())
    head = await newest(sql)
    async with sql.cursor() as cursor:
        for entry in entries:
            whole = entry._replace(seq=head.seq + 1, before=before.get(entry.subject, ""))
            placed = sealed(whole, head.hash)
            await cursor.execute(INSERT, placed)
            before[entry.subject] = entry.after
            head = Head(placed.seq, placed.hash)


async def newest(sql: Connection) -> Head:
    """The end of the chain; number 0 where there is no entry."""
    found = await (await sql.execute(HEAD)).fetchone()
    return Head(*found) if found is not None else Head(0, FIRST)


async def read(sql: Connection) -> Sequence[Entry]:
    """The whole log, by number."""
    return [Entry(*row) for row in await (await sql.execute(ALL)).fetchall()]


def _entry(record: Record) -> Entry:
    """What a record says, without its place in the chain."""
    subject, action, actor = _told(record.value)
    at = (record.timestamp, actor, action, subject, "", sha256(record.value))
    return Entry(0, *at, PARTITION, record.offset, FIRST, "")


def _told(value: bytes | None) -> tuple[str, str, str]:
    """Subject, action and actor of a record; a record that cannot be read is an entry too."""
    try:
        message = CONTROL.decode(value or b"")
    except Undecodable:
        return UNREADABLE, UNREADABLE, ""
    if isinstance(message, control.Unreadable):
        return UNREADABLE, UNREADABLE, ""
    actor = getattr(message, "issuer", getattr(message, "reviewer", ""))
    action = getattr(message, "action", getattr(message, "verdict", "set"))
    return control.key(message), f"{message.kind} {action}", actor.replace("\0", "")
