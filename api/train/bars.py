"""The rows of a model over bars, from what backfills have stored; a range that is not whole is not learned from."""

from datetime import timedelta

from api.backfill import coverage
from api.backfill.order import Order
from api.backfill.record import EPOCH, moment, nanoseconds
from api.train.refused import NotTrained
from api.train.tracker import Connection
from models.batch import bar_rows
from models.batch.bar_rows import Prices
from models.batch.config import NO_END, Config
from models.batch.known import spec_of
from streams.bars import interval_ns
from streams.predictions import Example

BARS = """
SELECT symbol, ts, open, high, low, close, volume FROM bars
WHERE source = %s AND interval = %s AND ts >= %s AND ts < %s AND symbol = ANY(%s) ORDER BY symbol, ts"""


class NotLoaded(NotTrained):
    """Part of the range was never stored as checked bars."""


async def read(sql: Connection, config: Config) -> list[Example]:
    """Every example of every symbol. Raises NotLoaded."""
    span = interval_ns(config.interval)
    since, until = config.since // span * span, config.until // span * span
    symbols = await _whole(sql, config, since, until)
    stored: dict[str, list[Prices]] = {}
    wanted = [config.origin, config.interval, moment(since), moment(until), symbols]
    rows = await sql.execute(BARS, wanted)
    for symbol, ts, *prices in await rows.fetchall():
        stored.setdefault(symbol, []).append(Prices(nanoseconds(ts), *prices))
    found: list[Example] = []
    for symbol, bars in stored.items():
        exact = bar_rows.exact(bars, span)
        found += bar_rows.examples(
            config.model, symbol, exact, spec_of(config.model), config.cost_bps
        )
    return found


async def _whole(sql: Connection, config: Config, since: int, until: int) -> list[str]:
    """The symbols that were asked for within the range, each of them loaded without a hole. Raises NotLoaded.

    Where the range has no begin or no end of its own, a symbol's is what backfills were asked for, not what they got:
    a chunk in quarantine at either side is a hole as well.
    """
    asked = await coverage.asked(sql, config.origin, config.interval)
    symbols = list(config.symbols) or [
        symbol for symbol, (first, last) in asked.items() if first < until and last > since
    ]
    if not symbols:
        raise NotLoaded(f"not_loaded: no {config.interval} bars of {config.origin} in that range")
    for symbol in symbols:
        if symbol not in asked:
            raise NotLoaded(f"not_loaded: {symbol}: no backfill has been asked for it")
        first, last = asked[symbol]
        begin, end = since or first, last if config.until == NO_END else until
        order = Order(config.origin, symbol, config.interval, begin, end)  # type: ignore[arg-type]  # any origin
        _check(symbol, await coverage.missing(sql, order))
    return symbols


def _check(symbol: str, holes: list[tuple[int, int]]) -> None:
    if holes:
        first = EPOCH + timedelta(microseconds=holes[0][0] // 1000)
        raise NotLoaded(
            f"not_loaded: {symbol}: {len(holes)} parts of the range are not loaded, first {first}"
        )
