"""From a message to a row: one history table a topic, columns in the order of its migration."""

from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, NamedTuple

from sinks.arrays import KINDS
from streams import topics
from streams.topics import Topic

KEY_COLUMNS = ("ts", "log_partition", "log_offset")
"""The key of every history row: the record's time and place. The same record makes the same row."""


class Column(NamedTuple):
    """One column; path: the attribute of the message that fills it."""

    name: str
    kind: str
    path: str


@dataclass(frozen=True)
class Table:
    """The history of one topic. row: message -> its columns, without the key."""

    name: str
    topic: Topic
    columns: tuple[Column, ...]
    row: Callable[[Any], tuple[Any, ...]]
    insert: str
    """INSERT .. SELECT FROM unnest(one array a column, key first)."""


def _table(name: str, topic: Topic, columns: str) -> Table:
    """columns: lines of `name kind path`; a path that equals the name may be left out."""
    parsed = []
    for line in columns.strip().splitlines():
        column, kind, *path = line.split()
        parsed.append(Column(column, kind, path[0] if path else column))
    row: Callable[[Any], tuple[Any, ...]] = attrgetter(*(column.path for column in parsed))
    return Table(name, topic, tuple(parsed), row, _insert(name, parsed))


def _insert(table: str, columns: list[Column]) -> str:
    names = ", ".join(column.name for column in columns)
    casts = ", ".join(KINDS[column.kind].cast for column in columns)
    return (
        f"INSERT INTO {table} (ts, log_partition, log_offset, {names}) "
        f"SELECT to_timestamp(ms / 1000.0), log_partition, log_offset, {names} "
        f"FROM unnest(%b::bigint[], %b::int[], %b::bigint[], {casts}) "
        f"AS given (ms, log_partition, log_offset, {names}) ON CONFLICT DO NOTHING"
    )


CAUSE = """
    cause_topic text cause.topic
    cause_partition int cause.partition
    cause_offset bigint cause.offset"""

TABLES: tuple[Table, ...] = (
    _table(
        "trades",
        topics.TRADES,
        """
        symbol text
        price bigint
        size bigint
        side text
        trade_id bigint
        source text
        event_ns bigint time
        received_ns bigint received""",
    ),
    _table(
        "quotes",
        topics.MARKS,
        """
        symbol text
        bid bigint
        ask bigint
        bid_size bigint
        ask_size bigint
        last bigint
        mid2 bigint
        status text
        source text
        event_ns bigint time
        received_ns bigint received"""
        + CAUSE,
    ),
    _table(
        "decisions",
        topics.DECISIONS,
        """
        decision_id text
        kind text
        outcome text
        reason text
        account text
        client_order_id text
        order_id text
        symbol text
        detail text
        reserved numeric
        command_topic text command_ref.topic
        command_partition int command_ref.partition
        command_offset bigint command_ref.offset
        marks json
        control_offset bigint
        event_ns bigint time""",
    ),
    _table(
        "order_events",
        topics.EVENTS,
        """
        event_id text
        order_id text
        client_order_id text
        account text
        symbol text
        rev bigint
        type text
        state text
        side text
        qty numeric
        filled numeric
        remaining numeric
        price numeric
        stop_price numeric
        parent_id text
        reason text
        event_ns bigint time"""
        + CAUSE,
    ),
    _table(
        "fills",
        topics.FILLS,
        """
        fill_id text
        order_id text
        client_order_id text
        account text
        symbol text
        side text
        qty numeric
        price numeric
        notional numeric
        fee numeric
        fee_rate bigint
        liquidity text
        rule text
        bid bigint
        ask bigint
        parent_id text
        strategy text
        order_topic text order_ref.topic
        order_partition int order_ref.partition
        order_offset bigint order_ref.offset
        event_ns bigint time
        active_at_ns bigint active_at"""
        + CAUSE,
    ),
    _table(
        "positions",
        topics.POSITIONS,
        """
        account text
        symbol text
        qty numeric
        average_price numeric
        cost numeric
        gross numeric
        fees numeric
        net numeric
        realised numeric
        cash numeric
        reserved numeric
        fill_id text
        event_ns bigint time""",
    ),
    _table(
        "predictions",
        topics.PREDICTIONS,
        """
        prediction_id text
        symbol text
        model text
        version text served.version
        p float8 served.p
        abstain text served.abstain
        learned bigint served.learned
        outputs json
        bid bigint
        ask bigint
        mid2 bigint
        volatility_bps float8
        features_topic text features_ref.topic
        features_partition int features_ref.partition
        features_offset bigint features_ref.offset
        event_ns bigint time""",
    ),
    _table(
        "labels",
        topics.LABELS,
        """
        prediction_id text
        symbol text
        model text
        spec text
        state text
        y bigint
        r_bps float8
        p float8
        event_ns bigint time
        known_at_ns bigint known_at""",
    ),
    _table(
        "dead_letters",
        topics.DEAD_LETTERS,
        """
        origin_topic text origin.topic
        origin_partition int origin.partition
        origin_offset bigint origin.offset
        origin_ms bigint timestamp_ms
        reason text
        error text
        sha256 text
        length bigint
        key bytea
        value bytea
        route_group text group""",
    ),
)

BY_TOPIC: dict[str, Table] = {table.topic.name: table for table in TABLES}
