"""The bars of a run on a topic of its own, `replay.<run>.market.bars`, as a venue would have told them."""

from collections.abc import AsyncIterator
from decimal import Decimal

import msgspec
import psycopg

from api.backfill.order import Order, Refused
from api.backfill.record import moment, nanoseconds
from api.replay_topics import named, replay_topics
from streams import money
from streams.feeds.reference import SHIPPED
from streams.instruments import Instrument
from streams.messages import Bar
from streams.partition import partition_of
from streams.topics import BARS

STORED = """
SELECT ts, open, high, low, close, volume FROM bars
WHERE symbol = %s AND interval = %s AND source = %s AND ts >= %s AND ts < %s ORDER BY ts"""


def instrument_of(order: Order) -> Instrument:
    """Whose ticks and lots the bars are told in. Raises Refused where they are not known."""
    found = SHIPPED.get(order.symbol)
    if found is None or order.source == "coingecko":
        raise Refused(f"no tick and lot for the {order.source} bars of {order.symbol}")
    return found


async def publish(url: str, brokers: str, partitions: int, order: Order, run_id: str) -> int:
    """Write the stored bars of an order, each at the time at which it closed; how many. Raises KafkaError."""
    instrument = instrument_of(order)
    topic, home, key = (
        named(run_id, BARS.name),
        partition_of(order.symbol, partitions),
        order.symbol.encode(),
    )
    async with replay_topics(brokers, run_id, [BARS.name], partitions, resumed=False) as to:
        sent = [
            await to.send(topic, home, key, msgspec.json.encode(bar), bar.time // 10**6)
            async for bar in _bars(url, order, instrument)
        ]
        for each in sent:
            await each
    return len(sent)


async def _bars(url: str, order: Order, instrument: Instrument) -> AsyncIterator[Bar]:
    key = [order.symbol, order.interval, order.source, moment(order.since), moment(order.until)]
    async with await psycopg.AsyncConnection.connect(url) as sql:
        rows = await (await sql.execute(STORED, key)).fetchall()
    for ts, *prices, volume in rows:
        start = nanoseconds(ts)
        first, high, low, close = (instrument.price_ticks(_plain(price)) for price in prices)
        yield Bar(
            symbol=order.symbol,
            open=first,
            high=high,
            low=low,
            close=close,
            volume=instrument.qty_lots(_plain(volume)),
            start=start,
            time=start + order.span - 1,
            received=start + order.span - 1,
            source=order.source,
        )


def _plain(value: Decimal) -> str:
    """The shortest digits of a decimal: the database keeps zeros that say nothing."""
    return money.text(int(value.scaleb(money.SCALE)))
