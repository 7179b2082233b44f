"""Bars as if a backfill had stored them."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import psycopg

Row = tuple[str, int, str, str, str, str, str | None]
"""Symbol, first ns, open, high, low, close, volume."""


def store(
    url: str,
    origin: str,
    interval: str,
    rows: Sequence[Row],
    chunks: Iterable[tuple[int, int]],
    refused: Iterable[tuple[int, int]] = (),
) -> None:
    """The rows, that these chunks [since, until) ns of each symbol are loaded, and that others are in quarantine."""
    spans = [*((span, "loaded") for span in chunks), *((span, "quarantined") for span in refused)]
    with psycopg.connect(url) as sql, sql.cursor() as cursor:
        with cursor.copy(
            "COPY bars (symbol, interval, ts, source, open, high, low, close, volume) FROM STDIN"
        ) as copy:
            for symbol, ts, *prices in rows:
                copy.write_row((symbol, interval, text(ts), origin, *map(number, prices)))
        for symbol in sorted({row[0] for row in rows}):
            key = f"{origin} {symbol}"
            cursor.execute(
                "INSERT INTO backfill_runs (run_id, source, symbol, interval, since, until, state, ended_at) "
                "VALUES (%s, %s, %s, %s, %s, %s, 'succeeded', now())",
                [key, origin, symbol, interval, text(spans[0][0][0]), text(spans[-1][0][1])],
            )
            for place, ((since, until), state) in enumerate(spans):
                cursor.execute(
                    "INSERT INTO backfill_chunks (run_id, chunk, since, until, state) "
                    "VALUES (%s, %s, %s, %s, %s)",
                    [key, place, text(since), text(until), state],
                )


def number(value: Any) -> Decimal | None:
    return None if value is None else Decimal(value)


def text(ns: int) -> str:
    return datetime.fromtimestamp(ns // 10**9, UTC).isoformat()
