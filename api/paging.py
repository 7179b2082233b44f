"""Cursors: where a list goes on, signed, so that no client can make one up or carry it to another question."""

import base64
import binascii
import hmac
import json
from hashlib import sha256
from typing import Any

from api.problems import bad_parameter

MAC_BYTES = 12
CURSOR_MAX = 512


def encode(secret: bytes, question: str, place: list[Any]) -> str:
    """A cursor. question: path and filters, which it belongs to; place: the key of the last row shown."""
    content = json.dumps(place, separators=(",", ":")).encode()
    signed = _mac(secret, question, content) + content
    return base64.urlsafe_b64encode(signed).decode().rstrip("=")


def decode(secret: bytes, question: str, cursor: str) -> list[Any]:
    """The place in a cursor; Problem(400) when it was not made here for this question."""
    try:
        if len(cursor) > CURSOR_MAX or not cursor.isascii():
            raise ValueError
        signed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise bad_parameter("cursor", "is none of this API") from None
    mac, content = signed[:MAC_BYTES], signed[MAC_BYTES:]
    if not hmac.compare_digest(mac, _mac(secret, question, content)):
        raise bad_parameter("cursor", "is not of this list with these filters")
    place: list[Any] = json.loads(content)
    return place


def _mac(secret: bytes, question: str, content: bytes) -> bytes:
    return hmac.digest(secret, question.encode() + b"\0" + content, sha256)[:MAC_BYTES]
