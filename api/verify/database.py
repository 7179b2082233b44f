"""Compares the history tables with the topics: each committed record that the sink has passed is one row, and equal."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any, NamedTuple

import psycopg

from api.verify.history import History, Violation

ROWS_AT_ONCE = 10_000


class Stored(NamedTuple):
    """A table, the topic whose records are its rows, and the columns that must equal the message's fields."""

    table: str
    topic: str
    columns: tuple[str, ...]


TABLES = (
    Stored("trades", "market.trades", ("symbol", "price", "size", "trade_id")),
    Stored("marks", "market.marks", ("symbol", "bid", "ask", "last", "status")),
    Stored("decisions", "risk.decisions", ("decision_id", "kind", "outcome", "reason", "order_id")),
    Stored("order_events", "orders.events", ("order_id", "rev", "state", "filled", "remaining")),
    Stored(
        "fills",
        "fills",
        ("fill_id", "order_id", "account", "symbol", "side", "qty", "price", "notional", "fee"),
    ),
    Stored(
        "positions",
        "positions",
        ("account", "symbol", "qty", "cost", "gross", "fees", "net", "cash", "reserved"),
    ),
)

Place = tuple[int, int]


async def check(url: str, found: History) -> tuple[int, list[Violation]]:
    """I7: how many rows were compared, and what differs. found: the whole history, not cut."""
    compared = 0
    broken: list[Violation] = []
    async with await psycopg.AsyncConnection.connect(url, connect_timeout=5) as connection:
        await connection.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
        passed = await _passed(connection)
        for stored in TABLES:
            expected = _expected(found, stored, passed)
            rows = await _rows(connection, stored, found, passed)
            compared += len(rows)
            broken += _differences(stored, expected, rows)
    return compared, broken


async def _passed(connection: psycopg.AsyncConnection[Any]) -> dict[tuple[str, int], int]:
    cursor = await connection.execute(
        "SELECT topic, partition, max(next) FROM sink_offsets GROUP BY 1, 2"
    )
    return {(topic, partition): next_ for topic, partition, next_ in await cursor.fetchall()}


def _ends(found: History, topic: str) -> dict[int, int]:
    ends: dict[int, int] = {}
    for record in found.of(topic):
        ends[record.partition] = record.offset + 1
    return ends


def _expected(
    found: History, stored: Stored, passed: dict[tuple[str, int], int]
) -> dict[Place, tuple[Any, ...]]:
    return {
        (record.partition, record.offset): tuple(getattr(m, name) for name in stored.columns)
        for record, m in found.messages(stored.topic)
        if record.offset < passed.get((stored.topic, record.partition), 0)
    }


async def _rows(
    connection: psycopg.AsyncConnection[Any],
    stored: Stored,
    found: History,
    passed: dict[tuple[str, int], int],
) -> dict[Place, tuple[Any, ...]]:
    """The rows of records that lie between the beginning and the end of the log as the history has it."""
    ends = _ends(found, stored.topic)
    columns = ", ".join(stored.columns)
    rows: dict[Place, tuple[Any, ...]] = {}
    async with connection.cursor() as cursor:
        await cursor.execute(
            f"SELECT log_partition, log_offset, {columns} FROM {stored.table}".encode()
        )
        while some := await cursor.fetchmany(ROWS_AT_ONCE):
            for partition, offset, *values in some:
                begin = found.begins.get((stored.topic, partition), 0)
                if begin <= offset < ends.get(partition, 0):
                    rows[partition, offset] = tuple(values)
    return rows


def _differences(
    stored: Stored, expected: dict[Place, tuple[Any, ...]], rows: dict[Place, tuple[Any, ...]]
) -> Iterator[Violation]:
    for place in sorted(expected.keys() | rows.keys()):
        theirs, ours = rows.get(place), expected.get(place)
        at = f"{stored.topic}[{place[0]}]@{place[1]}"
        if theirs is None or ours is None:
            side = f"table {stored.table}" if theirs is None else "topic"
            yield Violation("I7", f"{at} is not in the {side}")
        elif not all(map(_same, theirs, ours)):
            yield Violation("I7", f"{at}: the topic has {ours}, table {stored.table} {theirs}")


def _same(stored: Any, told: Any) -> bool:
    """A decimal string of a message is a number in its column; absent is NULL there or empty here."""
    if stored is None or stored == told:
        return stored == told or told in ("", None)
    try:
        return Fraction(str(stored)) == Fraction(str(told))
    except ValueError:
        return False
