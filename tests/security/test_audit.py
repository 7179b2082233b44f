"""The audit log shows each way in which it can be changed, and names the first entry that is not as it was written."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import psycopg
import pytest

from api.verify import audited
from sinks import audit as stored
from sinks.history import History
from sinks.local import LocalPostgres
from streams import control
from streams.audit import (
    FIRST,
    Entry,
    Fault,
    Head,
    first_fault,
    read_heads,
    sealed,
    sha256,
    signed_head,
)
from streams.topics import CONTROL
from tests.sinks.messages import batch_of

KEY = b"a key of the test"


def chain(count: int) -> list[Entry]:
    entries: list[Entry] = []
    for seq in range(1, count + 1):
        value = sha256(f"record {seq}".encode())
        bare = Entry(seq, seq, "ann", "kill kill", "kill:global", "", value, 0, seq - 1, FIRST, "")
        entries.append(sealed(bare, entries[-1].hash if entries else FIRST))
    return entries


def records(entries: list[Entry]) -> dict[int, str]:
    return {entry.offset: entry.after for entry in entries}


def named(
    entries: list[Entry], heads: Sequence[Head] = (), log: dict[int, str] | None = None
) -> object:
    fault = first_fault(entries, heads, log)
    return None if fault is None else (fault.seq, fault.kind)


def rechained(entries: list[Entry]) -> list[Entry]:
    """What somebody makes who knows how the chain is made."""
    made: list[Entry] = []
    for entry in entries:
        made.append(sealed(entry, made[-1].hash if made else FIRST))
    return made


def test_untouched_log_has_no_fault() -> None:
    entries = chain(6)
    heads = [Head(3, entries[2].hash), Head(6, entries[5].hash)]
    assert named(entries, heads, records(entries)) is None
    assert named([]) is None


def test_edited_entry_is_named() -> None:
    entries = chain(6)
    entries[3] = entries[3]._replace(actor="bob")
    assert named(entries) == (4, "edited")


def test_edited_entry_whose_hash_was_made_anew_is_named_by_its_successor() -> None:
    entries = chain(6)
    entries[3] = sealed(entries[3]._replace(actor="bob"), entries[2].hash)
    assert named(entries) == (5, "forked")


def test_deleted_entry_is_named() -> None:
    entries = chain(6)
    del entries[2]
    assert named(entries) == (3, "deleted")


def test_reordered_entries_are_named() -> None:
    entries = chain(6)
    entries[1], entries[3] = entries[3]._replace(seq=2), entries[1]._replace(seq=4)
    assert named(entries) == (2, "reordered")


def test_truncated_log_is_named_by_a_head_that_was_kept() -> None:
    entries = chain(6)
    assert named(entries[:4], [Head(6, entries[5].hash)]) == (5, "truncated")


def test_truncated_log_is_named_by_what_control_still_holds() -> None:
    entries = chain(6)
    assert named(entries[:4], log=records(entries)) == (5, "truncated")


def test_forked_log_is_named_by_a_head_that_was_kept() -> None:
    entries = chain(6)
    heads = [Head(seq, entries[seq - 1].hash) for seq in (2, 4, 6)]
    forked = rechained([*entries[:2], entries[2]._replace(actor="bob"), *entries[3:]])
    assert named(forked) is None
    assert named(forked, heads) == (4, "forked")


def test_chain_made_anew_over_another_record_is_named_by_what_control_holds() -> None:
    entries = chain(6)
    forged = rechained([*entries[:2], entries[2]._replace(after=sha256(b"mine")), *entries[3:]])
    assert named(forged, log=records(entries)) == (3, "edited")


def test_head_that_another_key_has_signed_is_refused() -> None:
    line = signed_head(Head(3, "ab"), KEY)
    assert read_heads([line, ""], KEY) == [Head(3, "ab")]
    with pytest.raises(ValueError, match="entry 3 was not signed"):
        read_heads([line], b"another")
    with pytest.raises(ValueError, match="entry 4"):
        read_heads([line.replace('"seq": 3', '"seq": 4')], KEY)


@pytest.mark.postgres
def test_sink_chains_every_command_once(tmp_path: Path) -> None:
    commands = [
        control.encode(control.Kill(scope="global", action="kill", reason="drill", seq=1)),
        b"not a record",
        control.encode(
            control.Kill(scope="global", action="resume", reason="over", seq=2, issuer="ann")
        ),
    ]
    with LocalPostgres(tmp_path / "postgres") as server:
        entries = asyncio.run(_store(server.url, commands))
        heads = tmp_path / "heads"
        asyncio.run(audited.keep_head(server.url, heads, KEY))
        assert _judged(server.url, heads) == audited.Verdict(3, 1, 0, None)
        with psycopg.connect(server.url, autocommit=True) as owner:
            with pytest.raises(psycopg.errors.RaiseException, match="written once"):
                owner.execute("UPDATE audit_log SET actor = 'bob'")
            owner.execute("ALTER TABLE audit_log DISABLE TRIGGER ALL")
            owner.execute("DELETE FROM audit_log WHERE seq = 3")
        assert _judged(server.url, heads).fault == Fault(3, "truncated", "there was an entry 3")
    assert [(e.seq, e.subject, e.action, e.actor, e.offset) for e in entries] == [
        (1, "kill:global", "kill kill", "operator", 0),
        (2, "unreadable", "unreadable", "", 1),
        (3, "kill:global", "kill resume", "ann", 2),
    ]
    assert entries[2].before == entries[0].after == sha256(commands[0])
    assert first_fault(entries, records={n: sha256(c) for n, c in enumerate(commands)}) is None


def _judged(url: str, heads: Path) -> audited.Verdict:
    return asyncio.run(audited.judge(url, "", audited.kept_heads(heads, KEY)))


async def _store(url: str, commands: list[bytes]) -> list[Entry]:
    history = History(url)
    await history.connect()
    place = (CONTROL.name, 0)
    await history.claim([place])
    await history.commit(batch_of(CONTROL, commands[:2]))
    await history.commit(batch_of(CONTROL, commands[2:], first=2))
    async with await psycopg.AsyncConnection.connect(url) as connection:
        entries = list(await stored.read(connection))
    await history.close()
    return entries
