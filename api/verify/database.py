"""Compares the history tables with the topics: each committed record that the sink has passed is one row, and equal.

One that no table takes is among the rejects instead.
"""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any, NamedTuple

import psycopg

from api.verify.history import History, Violation
from streams import topics
from streams.codec import Undecodable
from streams.log import Record

SINK = "history"
NUL_PICTURE = "␀"
"""In a row's text, where SQL has no NUL."""

ROWS_AT_ONCE = 10_000


class Stored(NamedTuple):
    """A table, the topic whose records are its rows, and the columns that must equal the message's fields.

    No columns: the rows must be there.
    """

    table: str
    topic: str
    columns: tuple[str, ...] = ()


def _stored(table: str, topic: str, columns: str = "") -> Stored:
    return Stored(table, topic, tuple(columns.split()))


TABLES = (
    _stored("trades", "market.trades", "symbol price size side trade_id flags source"),
    _stored("quotes", "market.quotes", "symbol bid ask bid_size ask_size sequence flags source"),
    _stored("marks", "market.marks", "symbol bid ask last mid2 status"),
    _stored("orders", "orders"),
    _stored("decisions", "risk.decisions", "decision_id kind outcome reason order_id account symbol"),
    _stored("accepted", "orders.accepted"),
    _stored("order_events", "orders.events", "event_id order_id rev type state qty filled remaining reason"),
    _stored("fills", "fills", "fill_id order_id account symbol side qty price notional fee liquidity"),
    _stored("strategy_fills", "strategy.fills", "fill_id order_id strategy side qty price"),
    _stored("positions", "positions", "account symbol qty cost gross fees net cash reserved"),
    _stored("features", "features", "symbol sequence set_hash ready bid ask mid2 gap_ms"),
    _stored("predictions", "predictions", "prediction_id symbol model lane spec mid2 edge_bps cost_bps"),
    _stored("labels", "labels", "prediction_id symbol model spec state y r_bps p"),
    _stored("examples", "examples", "prediction_id symbol model lane spec state y r_bps version p"),
    _stored("aliases", "models.alias", "model epoch action champion challenger"),
    _stored("control", "control"),
    _stored("dead_letters", "dead.letters", "reason error sha256 length"),
)  # fmt: skip

Place = tuple[int, int]
Passed = dict[tuple[str, int], int]
Rejected = dict[str, set[Place]]


async def check(url: str, found: History) -> tuple[int, list[Violation]]:
    """I7: how many rows were compared, and what differs. found: the whole history, not cut."""
    compared = 0
    broken: list[Violation] = []
    async with await psycopg.AsyncConnection.connect(url, connect_timeout=5) as connection:
        await connection.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
        passed, rejected = await _passed(connection), await _rejected(connection)
        for stored in TABLES:
            expected = _expected(found, stored, passed, rejected.get(stored.topic, set()))
            rows, twice = await _rows(connection, stored, found)
            compared += len(rows)
            broken += [*_doubled(stored, twice), *_differences(stored, expected, rows)]
    return compared, broken


async def _passed(connection: psycopg.AsyncConnection[Any]) -> Passed:
    cursor = await connection.execute(
        "SELECT topic, partition, next FROM sink_offsets WHERE sink = %s", [SINK]
    )
    return {(topic, partition): next_ for topic, partition, next_ in await cursor.fetchall()}


async def _rejected(connection: psycopg.AsyncConnection[Any]) -> Rejected:
    cursor = await connection.execute(
        "SELECT topic, partition, log_offset FROM sink_rejects WHERE sink = %s", [SINK]
    )
    rejected: Rejected = {}
    for topic, partition, offset in await cursor.fetchall():
        rejected.setdefault(topic, set()).add((partition, offset))
    return rejected


def _ends(found: History, topic: str) -> dict[int, int]:
    ends: dict[int, int] = {}
    for record in found.of(topic):
        ends[record.partition] = record.offset + 1
    return ends


def _expected(
    found: History, stored: Stored, passed: Passed, rejected: set[Place]
) -> dict[Place, tuple[Any, ...]]:
    return {
        place: _fields(stored, record)
        for record in found.of(stored.topic)
        if record.offset < passed.get((stored.topic, record.partition), 0)
        and (place := (record.partition, record.offset)) not in rejected
    }


def _fields(stored: Stored, record: Record) -> tuple[Any, ...]:
    """What the row must say; nothing for what cannot be read, which has no row."""
    if not stored.columns or record.value is None:
        return ()
    try:
        message = topics.BY_NAME[stored.topic].decode(record.value)
    except Undecodable:
        return ()
    return tuple(getattr(message, name) for name in stored.columns)


async def _rows(
    connection: psycopg.AsyncConnection[Any], stored: Stored, found: History
) -> tuple[dict[Place, tuple[Any, ...]], set[Place]]:
    """The rows of records between the beginning and the end of the log as the history has it; those of them doubled."""
    ends = _ends(found, stored.topic)
    columns = ", ".join(("log_partition", "log_offset", *stored.columns))
    rows: dict[Place, tuple[Any, ...]] = {}
    twice: set[Place] = set()
    async with connection.cursor() as cursor:
        await cursor.execute(f"SELECT {columns} FROM {stored.table}".encode())
        while some := await cursor.fetchmany(ROWS_AT_ONCE):
            for partition, offset, *values in some:
                begin = found.begins.get((stored.topic, partition), 0)
                if begin <= offset < ends.get(partition, 0):
                    if (partition, offset) in rows:
                        twice.add((partition, offset))
                    rows[partition, offset] = tuple(values)
    return rows, twice


def _doubled(stored: Stored, twice: set[Place]) -> Iterator[Violation]:
    for partition, offset in sorted(twice):
        at = f"{stored.topic}[{partition}]@{offset}"
        yield Violation("I7", f"{at} is more than once in the table {stored.table}")


def _differences(
    stored: Stored, expected: dict[Place, tuple[Any, ...]], rows: dict[Place, tuple[Any, ...]]
) -> Iterator[Violation]:
    """A row without its record is no fault where the topic is compacted: the record was there."""
    is_compacted = topics.BY_NAME[stored.topic].cleanup == "compact"
    for place in sorted(expected.keys() | rows.keys()):
        if is_compacted and place not in expected:
            continue
        theirs, ours = rows.get(place), expected.get(place)
        at = f"{stored.topic}[{place[0]}]@{place[1]}"
        if theirs is None or ours is None:
            side = f"table {stored.table}" if theirs is None else "topic"
            yield Violation("I7", f"{at} is not in the {side}")
        elif ours and not all(map(_same, theirs, ours)):
            yield Violation("I7", f"{at}: the topic has {ours}, table {stored.table} {theirs}")


def _same(stored: Any, told: Any) -> bool:
    """A decimal string of a message is a number in its column; absent is NULL there or empty here."""
    if stored is None or stored == told:
        return stored == told or told in ("", None)
    if isinstance(told, str) and "\0" in told:
        return bool(stored == told.replace("\0", NUL_PICTURE))
    try:
        return Fraction(str(stored)) == Fraction(str(told))
    except ValueError:
        return False
