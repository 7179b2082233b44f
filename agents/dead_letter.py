"""Makes the dead letter of a record that a cell cannot use; the outbox and whoever judges a record's effect send it."""

import hashlib
from typing import Any

from agents.handler import Event, Output, Record
from streams import codec, topics
from streams.messages import DeadLetter

DEAD_VALUE_BYTES = 64 << 10
"""A dead letter carries at most this much of key, value and headers each; the rest stays at its origin."""


def dead_letter(event: Event[Any], refusal: codec.Undecodable, group: str) -> Output:
    """What says, with the record itself, why it could not be used."""
    ref, record = event.ref, event.record
    value = record.value
    letter = DeadLetter(
        origin=ref,
        timestamp_ms=record.timestamp,
        reason=refusal.reason,
        error=refusal.detail,
        sha256=hashlib.sha256(value or b"").hexdigest(),
        length=len(value or b""),
        key=None if record.key is None else record.key[:DEAD_VALUE_BYTES],
        value=None if value is None else value[:DEAD_VALUE_BYTES],
        group=group,
        headers=_headers(record),
    )
    return Output(topics.DEAD_LETTERS, f"{event.topic}:{event.partition}", letter)


def _headers(record: Record) -> tuple[tuple[str, bytes], ...]:
    """The first of them that fit; a header without a value is kept as an empty one."""
    kept, left = [], DEAD_VALUE_BYTES
    for name, value in getattr(record, "headers", ()):  # a record made by hand need not have any
        left -= len(name) + len(value or b"")
        if left < 0:
            break
        kept.append((name, value or b""))
    return tuple(kept)
