"""A small stage for the broker: one cell, records in, outputs kept; every test and the random runs use it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import msgspec

from agents import broker
from agents.handler import Event, Handler, Output
from streams import codec, topics
from streams.ids import Ref
from streams.instruments import Instrument
from streams.messages import (
    Accepted,
    Bar,
    CancelAccepted,
    Fill,
    OrderEvent,
    OrderType,
    Quote,
    ReplaceAccepted,
    Side,
    ToBroker,
    Trade,
)
from streams.state import Table
from tables.exchange import Exchange, Version

SYMBOL = "BTC/USD.TEST"
MS = 1_000_000
CONTROL_OFFSET = 17
"""Of the instruments' records on `control`."""

START = 1_767_571_200_000 * MS
Flags = Literal["", "repeat", "stale", "late", "suspect"]
Aggressor = Literal["buy", "sell", ""]
HANDLERS: dict[str, Handler] = {
    topics.ACCEPTED.name: broker.on_accepted,
    topics.QUOTES.name: broker.on_quote,
    topics.TRADES.name: broker.on_trade,
    topics.BARS.name: broker.on_bar,
}


def instrument(**changes: Any) -> Instrument:
    """BTC/USD of the worked examples: tick 0.1, lot 0.001, no latency."""
    fields: dict[str, Any] = {
        "symbol": SYMBOL,
        "base": "BTC",
        "quote": "USD",
        "venue": "TEST",
        "tick": "0.1",
        "lot": "0.001",
        "latency_low_ms": 0,
        "latency_high_ms": 0,
    }
    return Instrument(**(fields | changes))


class Position(NamedTuple):
    """All of a log record that the broker looks at."""

    offset: int
    timestamp: int
    key: bytes | None = None
    value: bytes | None = None


@dataclass
class Tables:
    """The tables of one cell as the broker sees them."""

    exchange: Exchange = field(default_factory=Exchange)
    instruments: Table[Instrument] = field(default_factory=lambda: Table("instruments", Instrument))


class Stage:
    """Feeds records to the broker and keeps what comes out. Times are ms of event time after START."""

    def __init__(self, *instruments: Instrument) -> None:
        self.tables = Tables()
        self.known = {known.symbol: known for known in instruments or (instrument(),)}
        for known in self.known.values():
            self.tables.instruments.put(known.symbol, known)
            self.tables.exchange.versions.put(known.symbol, Version(CONTROL_OFFSET))
        self.clock = START
        self.offsets: dict[str, int] = {}
        self.outputs: list[Output] = []
        self.log: dict[bytes, bytes | None] = {}

    def feed(self, topic: str, message: Any, time: int) -> list[Any]:
        """Handle one record; the messages it brought."""
        event: Event[Any] = Event()
        offset = self.offsets.get(topic, 0)
        self.offsets[topic] = offset + 1
        event.topic, event.partition = topic, 0
        event.record = Position(offset, time // MS)
        self.clock = max(self.clock, time)
        event.message, event.clock_ns = message, self.clock
        outputs = list(HANDLERS[topic](event, self.tables))
        self.outputs += outputs
        return [output.message for output in outputs]

    def accept(
        self, side: Side, type_: OrderType, qty: str, at: int | None = None, **terms: Any
    ) -> str:
        """An order accepted by risk; qty and prices in decimals. Returns its order id."""
        known = self.known[terms.get("symbol", SYMBOL)]
        prices = {"price", "stop_price", "stop_loss", "take_profit", "protection"}
        ticks = {name: known.price_ticks(terms.pop(name, "0")) for name in prices}
        time = self.clock if at is None else START + at * MS
        offset = self.offsets.get(topics.ACCEPTED.name, 0)
        fields: dict[str, Any] = {
            "order_id": f"1-0-{offset}",
            "client_order_id": f"c{offset}",
            "account": "paper",
            "symbol": known.symbol,
            "tif": "IOC" if type_ == "market" else "GTC",
            "reduce_only": False,
            "maker_rate": 200,
            "taker_rate": 1200,
            "reserved": "0",
        }
        order = Accepted(
            side=side,
            type=type_,
            qty=known.qty_lots(qty),
            command_ref=Ref("orders", 0, offset),
            time=time,
            **(fields | ticks | terms),
        )
        self.feed(topics.ACCEPTED.name, ToBroker(order=order), time)
        return order.order_id

    def cancel(self, order_id: str, at: int | None = None, reason: str = "CLIENT") -> list[Any]:
        """A cancel accepted by risk."""
        time = self.clock if at is None else START + at * MS
        ref = Ref("orders", 0, 10_000 + self.offsets[topics.ACCEPTED.name])
        cancel = CancelAccepted(order_id, "paper", SYMBOL, ref, reason, time)
        return self.feed(topics.ACCEPTED.name, ToBroker(cancel=cancel), time)

    def quote(
        self,
        bid: str,
        ask: str,
        bid_size: str = "1000",
        ask_size: str = "1000",
        at: int | None = None,
        flags: Flags = "",
        symbol: str = SYMBOL,
        sequence: int | None = None,
    ) -> list[Any]:
        """A best bid and ask in decimals, a millisecond after the last record unless said otherwise."""
        known = self.known[symbol]
        time = self.clock + MS if at is None else START + at * MS
        quote = Quote(
            symbol,
            known.price_ticks(bid),
            known.price_ticks(ask),
            known.qty_lots(bid_size),
            known.qty_lots(ask_size),
            time,
            time,
            self.offsets.get(topics.QUOTES.name, 0) if sequence is None else sequence,
            "test",
            flags,
        )
        return self.feed(topics.QUOTES.name, quote, time)

    def replace(self, order_id: str, at: int | None = None, qty: str = "0", **prices: Any) -> None:
        """A replace accepted by risk; qty and prices in decimals, trails in ticks or basis points."""
        known = self.known[SYMBOL]
        time = self.clock if at is None else START + at * MS
        ref = Ref("orders", 0, 20_000 + self.offsets[topics.ACCEPTED.name])
        ticks = {
            name: value if name.startswith("trail") else known.price_ticks(value)
            for name, value in prices.items()
        }
        asked = ReplaceAccepted(order_id, "r", "paper", SYMBOL, ref, time, known.qty_lots(qty))
        asked = msgspec.structs.replace(asked, **ticks)
        self.feed(topics.ACCEPTED.name, ToBroker(replace=asked), time)

    def bar(
        self,
        open_: str,
        high: str,
        low: str,
        close: str,
        volume: str = "1000",
        start: int | None = None,
        span: int = 1000,
    ) -> list[Any]:
        """A bar in decimals, from the last record on unless said otherwise."""
        known = self.known[SYMBOL]
        first = self.clock if start is None else START + start * MS
        time = first + span * MS
        ticks = known.price_ticks
        bar = Bar(
            SYMBOL,
            ticks(open_),
            ticks(high),
            ticks(low),
            ticks(close),
            known.qty_lots(volume),
            first,
            time,
            time,
            "test",
        )
        return self.feed(topics.BARS.name, bar, time)

    def trade(
        self,
        price: str,
        size: str,
        at: int | None = None,
        side: Aggressor = "sell",
        flags: Literal["", "late", "suspect"] = "",
    ) -> list[Any]:
        """A public trade in decimals."""
        known = self.known[SYMBOL]
        time = self.clock + MS if at is None else START + at * MS
        ticks, lots = known.price_ticks(price), known.qty_lots(size)
        trade = Trade(SYMBOL, ticks, lots, time, time, 1, "test", side, flags)
        return self.feed(topics.TRADES.name, trade, time)

    def commit(self) -> None:
        """End a chunk: log its changes and make them true."""
        for table in self.tables.exchange.tables():
            self.log.update(table.seal())
            table.publish()

    def restart(self) -> None:
        """End a chunk, then go on with nothing but what the changelog holds."""
        self.commit()
        self.tables.exchange = Exchange()
        tables = {table.name: table for table in self.tables.exchange.tables()}
        for name_key, data in self.log.items():
            name, _, key = name_key.decode().partition("|")
            tables[name].load(key, data)

    def bid_standing(self) -> int:
        """The best bid that the exchange keeps."""
        quote = self.tables.exchange.standing[SYMBOL].quote
        assert quote is not None
        return quote.bid

    @property
    def fills(self) -> list[Fill]:
        """All fills so far."""
        return [out.message for out in self.outputs if out.topic is topics.FILLS]

    @property
    def events(self) -> list[OrderEvent]:
        """All order events so far."""
        return [out.message for out in self.outputs if isinstance(out.message, OrderEvent)]

    def life(self, order_id: str) -> list[str]:
        """An order's events so far, with their reasons: `CANCELLED IOC_REST`."""
        mine = [event for event in self.events if event.order_id == order_id]
        return [f"{event.type} {event.reason}".strip() for event in mine]

    def filled(self, start: int = 0) -> list[tuple[str, str, str, str, str]]:
        """(order id, qty, price, liquidity, rule) of the fills from the `start`-th on."""
        return [(f.order_id, f.qty, f.price, f.liquidity, f.rule) for f in self.fills[start:]]


def encoded(outputs: Iterable[Output]) -> list[tuple[str, str, bytes]]:
    """Outputs as they would stand in the log."""
    return [(output.topic.name, output.key, codec.encode(output.message)) for output in outputs]


def copy(message: Any, **changes: Any) -> Any:
    """A message with some fields changed."""
    return msgspec.structs.replace(message, **changes)
