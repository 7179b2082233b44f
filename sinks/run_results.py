"""What a replay came to, as rows under its name: its figures in `runs`; hashes, curve, trades and fills beside them."""

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from psycopg.types.json import Json

Connection = psycopg.AsyncConnection[Any]
Rows = Sequence[Sequence[Any]]

RUN = """
INSERT INTO runs (run_id, kind, state, config, result, ended_at) VALUES (%s, 'replay', 'succeeded', %s, %s, now())
ON CONFLICT (run_id) DO UPDATE SET state = excluded.state, config = excluded.config, result = excluded.result,
    heartbeat_at = now(), ended_at = now(), error = ''
WHERE runs.kind = 'replay'"""

STEPS = """
INSERT INTO run_tracker (run_id, step, row_count, sha256)
SELECT %s, step, row_count, sha256
FROM unnest(%s::text[], %s::bigint[], %s::text[]) AS given (step, row_count, sha256)"""

EQUITY = """
INSERT INTO run_equity SELECT %s, to_timestamp(ms / 1000.0), account, equity, exposure, flow
FROM unnest(%s::bigint[], %s::text[], %s::float8[], %s::float8[], %s::float8[])
    AS given (ms, account, equity, exposure, flow)"""

TRADES = """
INSERT INTO run_trades
SELECT %s, number, account, symbol, side, to_timestamp(opened / 1000.0), to_timestamp(closed / 1000.0), qty, gross, fees
FROM unnest(%s::text[], %s::text[], %s::int[], %s::bigint[], %s::bigint[], %s::float8[], %s::float8[], %s::float8[])
    WITH ORDINALITY AS given (account, symbol, side, opened, closed, qty, gross, fees, number)"""

FILLS = """
INSERT INTO run_fills
SELECT %s, number, to_timestamp(ms / 1000.0), account, symbol, order_id, side, qty, price, notional, fee, liquidity, mid
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::int[], %s::float8[], %s::float8[], %s::float8[],
    %s::float8[], %s::text[], %s::float8[])
    WITH ORDINALITY
    AS given (ms, account, symbol, order_id, side, qty, price, notional, fee, liquidity, mid, number)"""

COLUMNS = {STEPS: 3, EQUITY: 5, TRADES: 8, FILLS: 11}
TABLES = ("run_tracker", "run_equity", "run_trades", "run_fills")


class NameTaken(Exception):
    """The name is that of a run of another kind."""


async def store(
    sql: Connection,
    run: str,
    config: Mapping[str, Any],
    result: Mapping[str, Any],
    steps: Rows,
    equity: Rows,
    trades: Rows,
    fills: Rows,
) -> None:
    """Replace all that is stored of a run, in one transaction. Rows: as in the statements above. Raises NameTaken."""
    async with sql.transaction():
        if (await sql.execute(RUN, [run, Json(config), Json(result)])).rowcount != 1:
            raise NameTaken(f"{run} is the name of a run of another kind")
        for table in TABLES:
            await sql.execute(f"DELETE FROM {table} WHERE run_id = %s".encode(), [run])
        given = ((STEPS, steps), (EQUITY, equity), (TRADES, trades), (FILLS, fills))
        for statement, rows in given:
            columns = [list(column) for column in zip(*rows, strict=True)]
            await sql.execute(statement, [run, *(columns or [[]] * COLUMNS[statement])])
