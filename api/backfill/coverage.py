"""What of a range is not in the history as checked bars: training asks before it reads."""

from api.backfill.order import Order
from api.backfill.record import Connection, moment, nanoseconds

LOADED = """
SELECT c.since, c.until FROM backfill_chunks c JOIN backfill_runs r USING (run_id)
WHERE r.source = %s AND r.symbol = %s AND r.interval = %s AND c.state = 'loaded' AND c.since < %s AND c.until > %s
ORDER BY c.since, c.until"""

ASKED = """
SELECT r.symbol, min(c.since), max(c.until) FROM backfill_chunks c JOIN backfill_runs r USING (run_id)
WHERE r.source = %s AND r.interval = %s GROUP BY r.symbol ORDER BY r.symbol"""


async def asked(sql: Connection, source: str, interval: str) -> dict[str, tuple[int, int]]:
    """From when to when, in ns, runs were asked for bars of each symbol, whatever became of them."""
    rows = await (await sql.execute(ASKED, [source, interval])).fetchall()
    return {symbol: (nanoseconds(since), nanoseconds(until)) for symbol, since, until in rows}


async def missing(sql: Connection, order: Order) -> list[tuple[int, int]]:
    """The parts [since, until) of an order, in ns, that no run has loaded; empty: all of it may be trained on."""
    key = [order.source, order.symbol, order.interval]
    asked = await sql.execute(LOADED, [*key, moment(order.until), moment(order.since)])
    holes, covered = [], order.since
    for since, until in await asked.fetchall():
        if nanoseconds(since) > covered:
            holes.append((covered, nanoseconds(since)))
        covered = max(covered, nanoseconds(until))
    if covered < order.until:
        holes.append((covered, order.until))
    return holes
