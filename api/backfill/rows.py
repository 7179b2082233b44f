"""What a chunk leaves in the database: its rows where they are fit, else all in quarantine; one transaction each."""

from collections.abc import Sequence
from typing import Any

import msgspec
from psycopg.types.json import Json

from api.backfill.fetched import Fetched, Reference
from api.backfill.record import Connection, Record, Run, Step, beat, moment
from api.quality import results
from models.quality.verdict import Verdict
from streams.bars import Candle
from streams.crash import Passage, nowhere

UPSERT_BARS = """
WITH given AS (
    SELECT * FROM unnest(
        %(symbol)s::text[], %(interval)s::text[], %(ts)s::timestamptz[], %(source)s::text[],
        %(open)s::numeric[], %(high)s::numeric[], %(low)s::numeric[], %(close)s::numeric[], %(volume)s::numeric[]
    ) AS given (symbol, interval, ts, source, open, high, low, close, volume)
), before AS (
    INSERT INTO bar_revisions (symbol, interval, ts, source, open, high, low, close, volume, replaced_by)
    SELECT b.symbol, b.interval, b.ts, b.source, b.open, b.high, b.low, b.close, b.volume, %(run)s
    FROM bars b JOIN given g USING (symbol, interval, ts, source)
    WHERE (b.open, b.high, b.low, b.close, b.volume) IS DISTINCT FROM (g.open, g.high, g.low, g.close, g.volume)
)
INSERT INTO bars AS b (symbol, interval, ts, source, open, high, low, close, volume)
SELECT symbol, interval, ts, source, open, high, low, close, volume FROM given
ON CONFLICT (symbol, interval, ts, source) DO UPDATE
SET open = excluded.open, high = excluded.high, low = excluded.low, close = excluded.close, volume = excluded.volume
WHERE (b.open, b.high, b.low, b.close, b.volume)
    IS DISTINCT FROM (excluded.open, excluded.high, excluded.low, excluded.close, excluded.volume)"""

UPSERT_REFERENCES = """
INSERT INTO reference_prices AS r (symbol, ts, source, price, market_cap, volume_24h)
SELECT * FROM unnest(
    %(symbol)s::text[], %(ts)s::timestamptz[], %(source)s::text[],
    %(price)s::numeric[], %(market_cap)s::numeric[], %(volume_24h)s::numeric[]
)
ON CONFLICT (symbol, ts, source) DO UPDATE
SET price = excluded.price, market_cap = excluded.market_cap, volume_24h = excluded.volume_24h
WHERE (r.price, r.market_cap, r.volume_24h)
    IS DISTINCT FROM (excluded.price, excluded.market_cap, excluded.volume_24h)"""

CHUNK_LOADED = """
UPDATE backfill_chunks SET state = 'loaded', pages = %s, row_count = %s, rows_changed = %s, gaps = %s,
    first_trade = %s, last_trade = %s, error = ''
WHERE run_id = %s AND chunk = %s"""

RUN_LOADED = """
UPDATE backfill_runs SET chunks_loaded = chunks_loaded + 1, rows_loaded = rows_loaded + %s,
    rows_changed = rows_changed + %s, heartbeat_at = now()
WHERE run_id = %s"""

CHUNK_REFUSED = """
UPDATE backfill_chunks SET state = 'quarantined', pages = %s, row_count = %s, error = %s
WHERE run_id = %s AND chunk = %s"""

RELEASE = """
UPDATE quarantine SET released_at = now(), release_reason = %s WHERE run_id = %s AND chunk = %s"""

FORGET_ROWS = "DELETE FROM quarantine WHERE run_id = %s AND chunk = %s"
REFUSE = """
INSERT INTO quarantine (run_id, chunk, kind, row_number, row, expectation, observed)
VALUES (%s, %s, %s, %s, %s, %s, %s)"""


async def load(
    record: Record,
    run: Run,
    step: Step,
    fetched: Fetched,
    verdict: Verdict,
    *,
    gaps: Sequence[int] = (),
    reason: str = "fetched again",
    passage: Passage = nowhere,
) -> int:
    """Store a chunk that is fit; how many rows that changed. reason: why rows of it leave quarantine.

    Raises RunRefused.
    """
    where = [run.run_id, step.chunk.number]
    async with record.transaction() as sql:
        await beat(sql, run.run_id)
        changed = await upsert(sql, run.run_id, fetched)
        await results.store(sql, run.run_id, verdict, step.chunk.number)
        await sql.execute(RELEASE, [reason, *where])
        trades = [fetched.first_trade, fetched.last_trade]
        count = len(fetched.bars) + len(fetched.references)
        missing = [moment(at) for at in gaps]
        values = [list(fetched.pages), count, changed, missing, *trades, *where]
        await sql.execute(CHUNK_LOADED, values)
        await sql.execute(RUN_LOADED, [count, changed, run.run_id])
        passage("loading")
    step.state, step.last_trade = "loaded", fetched.last_trade
    return changed


async def refuse(
    record: Record,
    run: Run,
    step: Step,
    fetched: Fetched,
    verdict: Verdict,
    raw: Sequence[object] = (),
) -> None:
    """Put a whole chunk into quarantine, with what is wrong with it. Raises RunRefused."""
    where = [run.run_id, step.chunk.number]
    kinds: dict[str, Sequence[object]] = {
        "bar": fetched.bars,
        "reference": fetched.references,
        "raw": raw,
    }
    broken = ", ".join(result.expectation for result in verdict.broken) or "validated"
    why = [broken, verdict.reason]
    rows = [
        [*where, kind, number, Json(row, dumps=_dumps), *why]
        for kind, held in kinds.items()
        for number, row in enumerate(held)
    ]
    async with record.transaction() as sql:
        await beat(sql, run.run_id)
        await results.store(sql, run.run_id, verdict, step.chunk.number)
        await sql.execute(FORGET_ROWS, where)
        async with sql.cursor() as cursor:
            await cursor.executemany(REFUSE, rows)
        pages = list(fetched.pages)
        await sql.execute(CHUNK_REFUSED, [pages, len(rows), verdict.reason, *where])
    step.state = "quarantined"


async def upsert(sql: Connection, run_id: str, fetched: Fetched) -> int:
    """Within a transaction: rows as given, written only where they differ; how many did."""
    changed = 0
    if fetched.bars:
        given = _columns(fetched.bars, Candle) | {"run": run_id}
        given["ts"] = [moment(bar.ts) for bar in fetched.bars]
        changed += (await sql.execute(UPSERT_BARS, given)).rowcount
    if fetched.references:
        given = _columns(fetched.references, Reference)
        given["ts"] = [moment(point.time) for point in fetched.references]
        changed += (await sql.execute(UPSERT_REFERENCES, given)).rowcount
    return changed


def _columns(rows: Sequence[Any], kind: type[msgspec.Struct]) -> dict[str, Any]:
    return {name: [getattr(row, name) for row in rows] for name in kind.__struct_fields__}


def _dumps(row: object) -> bytes:
    """Decimals as strings, exactly."""
    return msgspec.json.encode(row)
