"""The history database read as the log it was stored from: the records of a partition as their writer wrote them."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, NamedTuple

import psycopg
from aiokafka import TopicPartition

from agents.handler import LogRecord
from api.replay.manifest import Range
from streams import codec, topics
from streams.cursor import LogTruncated
from streams.messages import Quote, Trade

TIMEOUT_S = 10
Row = tuple[Any, ...]


class Kept(NamedTuple):
    """How a topic is kept. columns: what `written` makes key and value of."""

    table: str
    columns: str
    written: Callable[[Row], tuple[bytes, bytes]]


def _quote(row: Row) -> tuple[bytes, bytes]:
    quote = Quote(*row)
    return quote.symbol.encode(), codec.encode(quote)


def _trade(row: Row) -> tuple[bytes, bytes]:
    trade = Trade(*row)
    return trade.symbol.encode(), codec.encode(trade)


KEPT: Mapping[str, Kept] = {
    topics.QUOTES.name: Kept(
        "quotes",
        "symbol, bid, ask, bid_size, ask_size, event_ns, received_ns, sequence, source, flags",
        _quote,
    ),
    topics.TRADES.name: Kept(
        "trades",
        "symbol, price, size, event_ns, received_ns, trade_id, source, side, flags",
        _trade,
    ),
    topics.ORDERS.name: Kept("orders", "account, value", lambda row: (row[0].encode(), row[1])),
    topics.CONTROL.name: Kept(
        "control",
        "kind || ':' || scope, document::text",
        lambda row: (row[0].encode(), row[1].encode()),
    ),
}
"""The topics that a replay reads."""


class HistoryLog:
    """One read-only snapshot of a database; closed by who opened it."""

    def __init__(self, sql: psycopg.AsyncConnection[Any], stack: AsyncExitStack) -> None:
        self._sql = sql
        self._stack = stack
        self._open: dict[TopicPartition, psycopg.AsyncServerCursor[Any]] = {}

    async def ranges(
        self, names: Iterable[str], since_ms: int | None, until_ms: int | None
    ) -> tuple[Range, ...]:
        """The offsets of these topics in [since, until) of event time; `control` from its start.

        Raises LogTruncated for a topic that the history does not keep.
        """
        found: list[Range] = []
        for name in names:
            if name not in KEPT:
                raise LogTruncated(f"the history does not keep {name} as it was written")
            since = None if name == topics.CONTROL.name else since_ms
            asked = (
                f"SELECT log_partition, min(log_offset), max(log_offset) FROM {KEPT[name].table} "
                "WHERE (%(since)s::bigint IS NULL OR ts >= to_timestamp(%(since)s / 1000.0)) "
                "AND (%(until)s::bigint IS NULL OR ts < to_timestamp(%(until)s / 1000.0)) GROUP BY 1 ORDER BY 1"
            )
            rows = await self._sql.execute(asked.encode(), {"since": since, "until": until_ms})
            found += [Range(name, at, low, high + 1) for at, low, high in await rows.fetchall()]
        return tuple(found)

    async def open(self, ranges: Iterable[Range]) -> None:
        """Begin to read these."""
        for each in ranges:
            kept, place = KEPT[each.topic], TopicPartition(each.topic, each.partition)
            cursor = await self._stack.enter_async_context(
                self._sql.cursor(f"{kept.table}_{each.partition}")
            )
            await cursor.execute(
                "SELECT log_offset, round(extract(epoch FROM ts) * 1000)::bigint, "
                f"{kept.columns} FROM {kept.table} "
                "WHERE log_partition = %s AND log_offset >= %s AND log_offset < %s ORDER BY log_offset".encode(),
                [each.partition, each.start, each.end],
            )
            self._open[place] = cursor

    async def take(self, place: TopicPartition, count: int, before: int) -> Sequence[LogRecord]:
        """The next records of a partition, at most so many; fewer: there are no more. before: as it was opened."""
        written = KEPT[place.topic].written
        rows = await self._open[place].fetchmany(count)
        return [LogRecord(offset, moment, *written(tuple(row))) for offset, moment, *row in rows]


@asynccontextmanager
async def history_log(url: str) -> AsyncIterator[HistoryLog]:
    """A snapshot of the history. Raises psycopg.Error where there is none."""
    connection = await psycopg.AsyncConnection.connect(url, connect_timeout=TIMEOUT_S)
    async with connection, AsyncExitStack() as stack:
        await connection.set_read_only(True)
        await connection.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
        yield HistoryLog(connection, stack)
