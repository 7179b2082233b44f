"""What the API shows of a message: amounts as decimal strings, times as RFC 3339 UTC, references spelled out."""

from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

from api.dead_letters import Letter
from streams.ids import Ref
from streams.messages import OrderEvent, Position

SECOND = 1_000_000_000


def rfc3339(time_ns: int) -> str:
    """A time in nanoseconds as text."""
    seconds, rest = divmod(time_ns, SECOND)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def ref(given: Ref) -> dict[str, Any]:
    return {"topic": given.topic, "partition": given.partition, "offset": given.offset}


def position(message: Position) -> dict[str, Any]:
    return {
        "account": message.account,
        "symbol": message.symbol,
        "qty": message.qty,
        "average_price": message.average_price,
        "cost": message.cost,
        "gross": message.gross,
        "fees": message.fees,
        "net": message.net,
        "realised": message.realised,
        "fill_id": message.fill_id,
        "time": rfc3339(message.time),
    }


def account(message: Position) -> dict[str, Any]:
    return {
        "account": message.account,
        "cash": message.cash,
        "reserved": message.reserved,
        "time": rfc3339(message.time),
    }


def order(message: OrderEvent) -> dict[str, Any]:
    return {
        "order_id": message.order_id,
        "client_order_id": message.client_order_id,
        "account": message.account,
        "symbol": message.symbol,
        "side": message.side,
        "state": message.state,
        "qty": message.qty,
        "filled": message.filled,
        "remaining": message.remaining,
        "price": message.price or None,
        "stop_price": message.stop_price or None,
        "parent_id": message.parent_id or None,
        "revision": message.rev,
        "time": rfc3339(message.time),
        "cause": ref(message.cause),
    }


def dead_letter(letter: Letter, *, whole: bool = False) -> dict[str, Any]:
    """whole: with its bytes, in base64 and, where they are text, as text."""
    message = letter.message
    shown = {
        "letter": letter.name,
        "origin": ref(message.origin),
        "time": rfc3339(message.timestamp_ms * 1_000_000),
        "reason": message.reason,
        "error": message.error,
        "group": message.group,
        "sha256": message.sha256,
        "length": message.length,
        "replays": [
            {
                "to": ref(replay.to),
                "by": replay.by,
                "time": rfc3339(replay.time),
                "note": replay.note,
            }
            for replay in letter.replays
        ],
    }
    if not whole:
        return shown
    return shown | {
        "key": _bytes(message.key),
        "value": _bytes(message.value),
        "headers": [[name, _bytes(value)] for name, value in message.headers],
    }


def _bytes(given: bytes | None) -> dict[str, str] | None:
    if given is None:
        return None
    shown = {"base64": b64encode(given).decode()}
    try:
        return shown | {"text": given.decode()}
    except UnicodeDecodeError:
        return shown
