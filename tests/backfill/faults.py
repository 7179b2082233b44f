"""What can go wrong with an answer, on the way and in what it says."""

import asyncio
import json
from collections.abc import Callable
from decimal import Decimal
from email.utils import formatdate
from typing import Any

from api.demo.venue import Answer, Venue, answer

Rows = list[Any]
RATE_LIMIT = b'{"error":["EAPI:Rate limit exceeded"]}'
BUSY = b'{"error":["EService:Busy"]}'
RATE_LIMIT_POINTS = b'{"status":{"error_code":429,"error_message":"You have exceeded the limit"}}'


def status(code: int, headers: str = "", body: bytes = b"sorry") -> Answer:
    """An answer with this status."""

    async def fault(_venue: Venue, writer: asyncio.StreamWriter, _body: bytes) -> None:
        await answer(writer, code, body, headers)

    return fault


def after_date(seconds: float, now_s: float) -> Answer:
    """429 with a date so many seconds from now on."""
    return status(429, f"retry-after: {formatdate(now_s + seconds, usegmt=True)}\r\n")


async def reset(_venue: Venue, writer: asyncio.StreamWriter, body: bytes) -> None:
    """The connection is gone in the middle of the body."""
    await answer(writer, 200, body[: len(body) // 2], length=len(body))
    writer.transport.abort()


async def truncated(_venue: Venue, writer: asyncio.StreamWriter, body: bytes) -> None:
    """Half of the JSON, as if that were all."""
    await answer(writer, 200, body[: len(body) // 2])


async def hang(_venue: Venue, _writer: asyncio.StreamWriter, _body: bytes) -> None:
    """Silence."""
    await asyncio.sleep(3600)


def said(change: Callable[[Rows], Rows]) -> Answer:
    """A healthy answer whose rows are changed; of trades, bars or points alike."""

    async def fault(_venue: Venue, writer: asyncio.StreamWriter, body: bytes) -> None:
        await answer(writer, 200, changed(body, change))

    return fault


def changed(body: bytes, change: Callable[[Rows], Rows]) -> bytes:
    """The answer with the rows changed; its numbers keep every digit."""
    tree = json.loads(body, parse_float=Decimal)
    if "prices" in tree:
        return written(tree | {"prices": change(tree["prices"])}).encode()
    result = tree["result"]
    pair = next(name for name in result if name != "last")
    return written(tree | {"result": result | {pair: change(result[pair])}}).encode()


def written(value: Any) -> str:
    """JSON, with decimals as they are."""
    if isinstance(value, dict):
        return f"{{{','.join(f'{json.dumps(name)}:{written(v)}' for name, v in value.items())}}}"
    if isinstance(value, list):
        return f"[{','.join(map(written, value))}]"
    return str(value) if isinstance(value, Decimal) else json.dumps(value)


def duplicated(rows: Rows) -> Rows:
    """Every row twice."""
    return [row for row in rows for _ in range(2)]


def unordered(rows: Rows) -> Rows:
    """The last row first."""
    return rows[::-1]


def empty(_rows: Rows) -> Rows:
    """No rows."""
    return []


def holed(rows: Rows) -> Rows:
    """One row in the middle left out."""
    return rows[: len(rows) // 2] + rows[len(rows) // 2 + 1 :]


def high_below_low(rows: Rows) -> Rows:
    """One bar upside down."""
    rows[5][2], rows[5][3] = rows[5][3], rows[5][2]
    return rows


def priceless(rows: Rows) -> Rows:
    """One price is null."""
    rows[5][1] = None
    return rows


def hollow(rows: Rows) -> Rows:
    """Every fourth bar has one price."""
    for row in rows[::4]:
        row[1:5] = [row[1]] * 4
    return rows


def contradicting(rows: Rows) -> Rows:
    """One row once more, with another price."""
    price = rows[5][1]
    other = str(Decimal(price) + 1) if isinstance(price, str) else price + 1
    return [*rows, [*rows[5][:1], other, *rows[5][2:]]]


def other_trade(rows: Rows) -> Rows:
    """One trade once more, of another size."""
    return [*rows, [rows[5][0], "9.00000000", *rows[5][2:]]]


def daily(rows: Rows) -> Rows:
    """One point a day."""
    return rows[::24]
