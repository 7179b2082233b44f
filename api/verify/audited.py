"""Whether the audit log is as it was written: its chain, the heads kept elsewhere, and what `control` still holds."""

from pathlib import Path
from typing import NamedTuple

import psycopg

from sinks import audit as stored
from sinks import backups
from streams import audit, log
from streams.audit import Fault, Head, read_heads, signed_head
from streams.topics import CONTROL

STORED = "SELECT next FROM sink_offsets WHERE sink = 'history' AND topic = %s AND partition = 0"


class Verdict(NamedTuple):
    """entries, heads, records: how many were looked at; fault: the first, None when all holds."""

    entries: int
    heads: int
    records: int
    fault: Fault | None


async def judge(postgres_url: str, brokers: str, heads: list[Head]) -> Verdict:
    """Read everything and compare. brokers: "" leaves `control` out. Raises psycopg.Error, KafkaError."""
    async with await psycopg.AsyncConnection.connect(postgres_url, connect_timeout=5) as connection:
        await connection.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
        entries = await stored.read(connection)
        found = await (await connection.execute(STORED, [CONTROL.name])).fetchone()
    below = int(found[0]) if found is not None else 0
    records = await _records(brokers, below) if brokers else {}
    fault = audit.first_fault(entries, heads, records)
    return Verdict(len(entries), len(heads), len(records), fault)


async def _records(brokers: str, below: int) -> dict[int, str]:
    """SHA-256 of what `control` still holds of what the sink has stored, by offset."""
    held = await log.read_all(brokers, CONTROL.name, partition=0)
    return {record.offset: audit.sha256(record.value) for record in held if record.offset < below}


async def keep_head(postgres_url: str, file: Path, key: bytes) -> Head | None:
    """Append the signed end of the chain to a file outside the database; None while there is no entry."""
    async with await psycopg.AsyncConnection.connect(postgres_url, connect_timeout=5) as connection:
        head = await stored.newest(connection)
    if not head.seq:
        return None
    with file.open("a") as opened:
        opened.write(signed_head(head, key) + "\n")
    await backups.note(postgres_url, "audit")
    return head


def kept_heads(file: Path, key: bytes) -> list[Head]:
    """The heads of a file. Raises OSError, ValueError for one that was not signed with this key."""
    return read_heads(file.read_text().splitlines(), key)
