"""Messages for the sink's tests, and the records that carry them."""

from dataclasses import dataclass
from typing import Any

from sinks.batch import Batch, Span
from streams import codec, topics
from streams.ids import Ref
from streams.messages import Fill, Mark, OrderEvent, Position, State, Trade
from streams.topics import Topic

START_MS = 1_767_225_600_000
CAUSE = Ref("market.trades", 0, 7)


@dataclass
class Record:
    """A record as a consumer gives it."""

    offset: int
    timestamp: int
    value: bytes | None


def trade(number: int, symbol: str = "BTC/USD.KRAKEN") -> Trade:
    time = (START_MS + number) * 1_000_000
    return Trade(symbol, 100_000 + number, 5, time, time + 250, number, "test", "buy")


def mark(number: int, symbol: str = "BTC/USD.KRAKEN") -> Mark:
    time = (START_MS + number) * 1_000_000
    return Mark(symbol, 10, 11, 1, 1, 10, 20 + number, "live", time, time, "test", CAUSE)


def fill(number: int, **given: Any) -> Fill:
    fields: dict[str, Any] = {
        "fill_id": f"f{number}",
        "order_id": f"o{number}",
        "client_order_id": f"c{number}",
        "account": "paper",
        "symbol": "BTC/USD.KRAKEN",
        "side": "buy",
        "qty": "0.5",
        "price": "60000.1",
        "notional": "30000.05",
        "fee": "78.00013",
        "fee_rate": 2600,
        "liquidity": "taker",
        "rule": "quote",
        "cause": CAUSE,
        "order_ref": Ref("orders", 1, number),
        "time": START_MS * 1_000_000,
        "active_at": START_MS * 1_000_000,
        "bid": 600_000,
        "ask": 600_001,
    }
    return Fill(**(fields | given))


def position(number: int, account: str = "paper", symbol: str = "BTC/USD.KRAKEN") -> Position:
    return Position(
        account=account,
        symbol=symbol,
        qty=f"{number}.5",
        average_price="60000.1",
        cost="30000.05",
        gross="0",
        fees="78.00013",
        net="-78.00013",
        cash=f"{100_000 - number}",
        reserved="0",
        time=START_MS * 1_000_000,
    )


def order_event(number: int, state: State = "WORKING", **given: Any) -> OrderEvent:
    fields: dict[str, Any] = {
        "event_id": f"e{number}",
        "order_id": f"o{number}",
        "client_order_id": f"c{number}",
        "account": "paper",
        "symbol": "BTC/USD.KRAKEN",
        "rev": 1,
        "type": "ACCEPTED",
        "state": state,
        "qty": "0.5",
        "filled": "0",
        "remaining": "0.5",
        "time": START_MS * 1_000_000,
        "cause": CAUSE,
    }
    return OrderEvent(**(fields | given))


def record(offset: int, message: object) -> Record:
    value = message if isinstance(message, bytes) else codec.encode(message)
    return Record(offset, START_MS + offset, value)


def batch_of(topic: Topic, messages: list[object], *, first: int = 0, partition: int = 0) -> Batch:
    """A batch of consecutive records of one partition."""
    batch = Batch(generation=0)
    records = [record(first + at, message) for at, message in enumerate(messages)]
    batch.add((topic.name, partition), Span(first, first + len(records)), records)
    batch.seal()
    return batch


TRADES, FILLS, POSITIONS = topics.TRADES, topics.FILLS, topics.POSITIONS
EVENTS, MARKS = topics.EVENTS, topics.MARKS
