"""A history table: the columns that a topic's messages fill, and the two statements that the sink runs on it."""

from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, NamedTuple

from sinks.arrays import KINDS
from streams.topics import Topic

KEY_COLUMNS = ("ts", "log_partition", "log_offset")
"""The key of every history row: the record's time and place. The same record makes the same row."""


class Column(NamedTuple):
    """One column; path: the attribute of the message that fills it."""

    name: str
    kind: str
    path: str


Values = Callable[[Any], tuple[Any, ...]]
"""A message's columns, without the key."""


@dataclass(frozen=True)
class Table:
    """The history of one topic."""

    name: str
    topic: Topic
    columns: tuple[Column, ...]
    row: Values
    insert: str
    """INSERT .. SELECT FROM unnest(one array a column, key first)."""
    differing: str
    """Takes the same arrays, then the first and last ms: the places of those rows that the table does not hold."""


def table(name: str, topic: Topic, columns: str, row: Values | None = None) -> Table:
    """columns: lines of `name kind path`; a path that equals the name may be left out."""
    parsed = []
    for line in columns.strip().splitlines():
        column, kind, *path = line.split()
        parsed.append(Column(column, kind, path[0] if path else column))
    row = row or attrgetter(*(column.path for column in parsed))
    return Table(name, topic, tuple(parsed), row, _insert(name, parsed), _differing(name, parsed))


def _insert(table: str, columns: list[Column]) -> str:
    names = ", ".join([*KEY_COLUMNS, *(column.name for column in columns)])
    return f"INSERT INTO {table} ({names}) {_given(columns)} ON CONFLICT DO NOTHING"


def _given(columns: list[Column]) -> str:
    """The rows in the parameters, as the table would hold them."""
    names = ", ".join(column.name for column in columns)
    casts = ", ".join(KINDS[column.kind].cast for column in columns)
    elements = ", ".join(_element(column) for column in columns)
    return (
        f"SELECT to_timestamp(ms / 1000.0) AS ts, log_partition, log_offset, {elements} "
        f"FROM unnest(%b::bigint[], %b::int[], %b::bigint[], {casts}) "
        f"AS given (ms, log_partition, log_offset, {names})"
    )


def _element(column: Column) -> str:
    expression = KINDS[column.kind].element.format(column.name)
    return expression if expression == column.name else f"{expression} AS {column.name}"


def _differing(table: str, columns: list[Column]) -> str:
    """Bounded in time, or every chunk would be searched."""
    same = " AND ".join(
        f"{_comparable('stored', column)} IS NOT DISTINCT FROM {_comparable('given', column)}"
        for column in columns
    )
    return (
        f"SELECT log_partition, log_offset FROM ({_given(columns)}) AS given "
        f"WHERE NOT EXISTS (SELECT FROM {table} AS stored "
        "WHERE stored.ts BETWEEN to_timestamp(%s / 1000.0) AND to_timestamp(%s / 1000.0) "
        "AND stored.ts = given.ts AND stored.log_partition = given.log_partition "
        f"AND stored.log_offset = given.log_offset AND {same})"
    )


def _comparable(side: str, column: Column) -> str:
    """JSON knows no equality."""
    return f"{side}.{column.name}" + ("::text" if column.kind == "json" else "")
