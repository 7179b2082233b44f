"""What a benchmark puts into the log before it begins: instruments and accounts on `control`, resting orders."""

from collections.abc import Iterable, Iterator

from aiokafka import AIOKafkaProducer

from streams import codec, control
from streams.ids import Ref
from streams.instruments import Instrument
from streams.messages import Accepted, Side, ToBroker
from streams.topics import ORDERS

FIRST_CASH = "1000000000"
WIDE = "100000000000"
STALE_MS = 600_000
"""Marks never age out, so that an engine which falls behind shows in its latencies and not in rejections."""

MANY = 1_000_000
VAST = 1_000_000
"""Basis points of anything."""

LOW, HIGH = 10, 10_000_000
"""Prices in ticks that no walk reaches."""

RESTING: tuple[tuple[str, Side], ...] = (
    ("limit", "buy"),
    ("limit", "sell"),
    ("stop", "buy"),
    ("stop", "sell"),
)
"""Of each symbol, far from its market."""


def instrument(symbol: str) -> control.InstrumentRecord:
    """A symbol whose orders take effect without latency."""
    return control.InstrumentRecord(
        instrument=Instrument(
            symbol=symbol,
            base="BASE",
            quote="USD",
            venue="BENCH",
            tick="0.01",
            lot="0.01",
            min_notional="0",
            stale_ms=STALE_MS,
            max_spread_bps=VAST,
            latency_low_ms=0,
            latency_high_ms=0,
        )
    )


def account(name: str) -> list[control.Record]:
    """A margin account with cash and limits that nothing of a benchmark reaches."""
    return [
        control.Account(account=name, type="margin", mode="sim"),
        control.Limits(
            account=name,
            order_notional_max=WIDE,
            gross_exposure_max=WIDE,
            gross_bps=VAST,
            cluster_bps=VAST,
            cvar_bps=VAST,
            var95_max=WIDE,
            var99_max=WIDE,
            loss_max=WIDE,
            fees_max=WIDE,
            spread_bps=VAST,
            stale_ms=STALE_MS,
            open_orders_max=MANY,
            symbol_open_orders_max=MANY,
            rate_per_s=MANY,
            rate_burst=MANY,
        ),
        control.Cash(account=name, id="initial", currency="USD", amount=FIRST_CASH),
    ]


async def publish(
    producer: AIOKafkaProducer, records: Iterable[control.Record], topic: str
) -> None:
    """Appends records to `control`, under whatever name it has, and waits until they are there."""
    for record in records:
        await producer.send(topic, control.encode(record), control.key(record).encode())
    await producer.flush()


def resting(symbols: Iterable[str], time: int) -> Iterator[tuple[bytes, bytes]]:
    """Records of `orders.accepted`, accepted at `time` ns: limits and stops that wait and are never reached."""
    for symbol in symbols:
        for kind, side in RESTING:
            order = _accepted(symbol, kind, side, time)
            yield symbol.encode(), codec.encode(ToBroker(order=order))


def _accepted(symbol: str, kind: str, side: Side, time: int) -> Accepted:
    name = f"{symbol}-{kind}-{side}"
    price = LOW if (kind == "limit") == (side == "buy") else HIGH
    return Accepted(
        order_id=name,
        client_order_id=name,
        account="bench",
        symbol=symbol,
        side=side,
        type="limit" if kind == "limit" else "stop",
        tif="GTC",
        qty=1,
        price=price if kind == "limit" else 0,
        stop_price=0 if kind == "limit" else price,
        stop_loss=0,
        take_profit=0,
        protection=0,
        reduce_only=False,
        maker_rate=0,
        taker_rate=0,
        reserved="0",
        command_ref=Ref(ORDERS.name, 0, 0),
        time=time,
    )
