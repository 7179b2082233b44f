"""The audit log: what was commanded on `control`, each entry chained to the one before, so that a change of any shows.

h(n) = SHA-256(canonical JSON of entry n || h(n-1)). Heads that are kept elsewhere, signed, show a chain that was made
anew or cut off at its end.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

FIRST = "0" * 64
"""What stands for the hash before the first entry."""


class Entry(NamedTuple):
    """One command. before, after: SHA-256 of the subject's record until then and of this one, "" for none.

    subject: the key on `control`; at_ms: the record's time; partition, offset: its place on `control`.
    """

    seq: int
    at_ms: int
    actor: str
    action: str
    subject: str
    before: str
    after: str
    partition: int
    offset: int
    prev_hash: str
    hash: str


class Head(NamedTuple):
    """The newest entry at some time, as it was written down outside the database."""

    seq: int
    hash: str


class Fault(NamedTuple):
    """The first entry that is not as it was written, and what is wrong with it."""

    seq: int
    kind: str
    detail: str


def digest(entry: Entry) -> str:
    """Its hash, as it follows from everything else in it."""
    content = {name: value for name, value in entry._asdict().items() if name not in CHAIN}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode() + bytes.fromhex(entry.prev_hash)).hexdigest()


CHAIN = frozenset({"prev_hash", "hash"})


def sealed(entry: Entry, prev_hash: str) -> Entry:
    """The entry with its place in the chain."""
    placed = entry._replace(prev_hash=prev_hash)
    return placed._replace(hash=digest(placed))


def sha256(value: bytes | None) -> str:
    """Of a record; "" for none."""
    return "" if value is None else hashlib.sha256(value).hexdigest()


def first_fault(
    entries: Sequence[Entry], heads: Iterable[Head] = (), records: Mapping[int, str] | None = None
) -> Fault | None:
    """What is wrong first, None when all holds. entries: as stored, by seq.

    heads: kept elsewhere. records: SHA-256 of the records of `control` that the log still holds and that are stored.
    """
    faults = [_first_broken(entries), _first_unlike_its_record(entries, records or {})]
    faults += [_unlike(entries, head) for head in sorted(heads)]
    found = [fault for fault in faults if fault is not None]
    return min(found, key=lambda fault: fault.seq, default=None)


def _first_broken(entries: Sequence[Entry]) -> Fault | None:
    hashes = {entry.hash for entry in entries}
    prev_hash = FIRST
    for wanted, entry in enumerate(entries, start=1):
        if entry.seq > wanted:
            return Fault(wanted, "deleted", f"the next is {entry.seq}")
        if entry.seq < wanted:
            return Fault(entry.seq, "forked", "two entries have this number")
        if digest(entry) != entry.hash:
            was = _where(entry, len(entries))
            if was is not None:
                return Fault(wanted, "reordered", f"it was entry {was}")
            return Fault(wanted, "edited", "its hash does not follow from it")
        if entry.prev_hash != prev_hash:
            known = entry.prev_hash in hashes
            return Fault(
                wanted, "reordered" if known else "forked", "it does not follow the one before"
            )
        prev_hash = entry.hash
    return None


def _where(entry: Entry, count: int) -> int | None:
    """The number under which its hash was right."""
    for seq in range(1, count + 1):
        if digest(entry._replace(seq=seq)) == entry.hash:
            return seq
    return None


def _unlike(entries: Sequence[Entry], head: Head) -> Fault | None:
    """What a head that was kept elsewhere says against the chain."""
    found = next((entry for entry in entries if entry.seq == head.seq), None)
    if found is None:
        return Fault(len(entries) + 1, "truncated", f"there was an entry {head.seq}")
    if found.hash != head.hash:
        return Fault(head.seq, "forked", "another entry stood there when its hash was written down")
    return None


def _first_unlike_its_record(entries: Sequence[Entry], records: Mapping[int, str]) -> Fault | None:
    by_offset = {entry.offset: entry for entry in entries}
    for offset, value_hash in sorted(records.items()):
        entry = by_offset.get(offset)
        if entry is None:
            if entries and offset < entries[0].offset:
                continue  # from before there was an audit log
            later = next((e.seq for e in entries if e.offset > offset), len(entries) + 1)
            kind = "truncated" if later == len(entries) + 1 else "deleted"
            return Fault(later, kind, f"control holds a record at {offset}")
        if entry.after != value_hash:
            return Fault(entry.seq, "edited", f"control holds another record at {offset}")
    return None


def signed_head(head: Head, key: bytes) -> str:
    """A line to keep outside the database."""
    content = json.dumps(head._asdict(), separators=(",", ":"))
    return json.dumps({**head._asdict(), "signature": _signature(content, key)})


def read_heads(lines: Iterable[str], key: bytes) -> list[Head]:
    """The heads that were kept. Raises ValueError for a line that was not signed with this key."""
    heads = []
    for line in lines:
        if not line.strip():
            continue
        found = json.loads(line)
        head = Head(int(found["seq"]), str(found["hash"]))
        content = json.dumps(head._asdict(), separators=(",", ":"))
        if not hmac.compare_digest(_signature(content, key), str(found.get("signature"))):
            raise ValueError(f"the head of entry {head.seq} was not signed with this key")
        heads.append(head)
    return heads


def _signature(content: str, key: bytes) -> str:
    return hmac.new(key, content.encode(), hashlib.sha256).hexdigest()
