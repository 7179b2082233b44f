"""The rows of a model over bars, from what backfills have stored; a range that is not whole is not learned from."""

from datetime import timedelta

from api.backfill import coverage
from api.backfill.order import Order
from api.backfill.record import EPOCH, moment, nanoseconds
from api.train.refused import NotTrained
from api.train.tracker import Connection
from models.batch import bar_rows
from models.batch.bar_rows import Prices
from models.batch.config import Config
from models.batch.known import spec_of
from streams.bars import interval_ns
from streams.predictions import Example

BARS = """
SELECT symbol, ts, open, high, low, close, volume FROM bars
WHERE source = %s AND interval = %s AND ts >= %s AND ts < %s AND (%s OR symbol = ANY(%s)) ORDER BY symbol, ts"""


class NotLoaded(NotTrained):
    """Part of the range was never stored as checked bars."""


async def read(sql: Connection, config: Config) -> list[Example]:
    """Every example of every symbol. Raises NotLoaded."""
    span = interval_ns(config.interval)
    since, until = config.since // span * span, config.until // span * span
    stored: dict[str, list[Prices]] = {}
    wanted = [config.origin, config.interval, moment(since), moment(until)]
    rows = await sql.execute(BARS, [*wanted, not config.symbols, list(config.symbols)])
    for symbol, ts, *prices in await rows.fetchall():
        stored.setdefault(symbol, []).append(Prices(nanoseconds(ts), *prices))
    if not stored:
        raise NotLoaded(f"not_loaded: no {config.interval} bars of {config.origin} in that range")
    found: list[Example] = []
    for symbol, bars in stored.items():
        await _check_whole(sql, config, symbol, bars, span)
        exact = bar_rows.exact(bars, span)
        found += bar_rows.examples(
            config.model, symbol, exact, spec_of(config.model), config.cost_bps
        )
    return found


async def _check_whole(
    sql: Connection, config: Config, symbol: str, bars: list[Prices], span: int
) -> None:
    """From the first bar there is, or from where the range was said to begin, to the last bar or the said end."""
    since = config.since // span * span if config.since else bars[0].ts
    until = bars[-1].ts + span
    order = Order(config.origin, symbol, config.interval, since, until)  # type: ignore[arg-type]  # any origin
    holes = await coverage.missing(sql, order)
    if holes:
        first = EPOCH + timedelta(microseconds=holes[0][0] // 1000)
        raise NotLoaded(
            f"not_loaded: {symbol}: {len(holes)} parts of the range are not loaded, first {first}"
        )
