"""Messages for the sink's tests, and the records that carry them."""

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sinks.batch import Batch, Span
from streams import codec, control, topics
from streams.ids import Ref
from streams.instruments import Instrument
from streams.messages import (
    Accepted,
    CancelAccepted,
    DeadLetter,
    Decision,
    Fill,
    Mark,
    OrderEvent,
    Position,
    Quote,
    State,
    ToBroker,
    Trade,
)
from streams.predictions import Alias, Answer, Example, Features, Label, Prediction
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


def quote(number: int, symbol: str = "BTC/USD.KRAKEN") -> Quote:
    time = (START_MS + number) * 1_000_000
    return Quote(symbol, 600_000, 600_001, 3, 4, time, time + 250, number, "test")


def decision(number: int, **given: Any) -> Decision:
    fields: dict[str, Any] = {
        "decision_id": f"d{number}",
        "kind": "new",
        "outcome": "accepted",
        "account": "paper",
        "command_ref": Ref("orders", 0, number),
        "time": START_MS * 1_000_000,
        "client_order_id": f"c{number}",
        "order_id": f"o{number}",
        "symbol": "BTC/USD.KRAKEN",
        "marks": (("BTC/USD.KRAKEN", CAUSE, 1_200_001, 12),),
        "nav": "100000",
    }
    return Decision(**(fields | given))


def features(number: int) -> Features:
    vector = struct.pack("<4d", number, 0.1, math.nan, -math.inf)
    return Features(
        symbol="BTC/USD.KRAKEN",
        time=START_MS * 1_000_000,
        sequence=number,
        set="micro",
        set_hash="abc",
        ready=0b1011,
        bid=600_000,
        ask=600_001,
        mid2=1_200_001,
        gap_ms=100,
        vector=vector,
        quote_ref=Ref("market.quotes", 0, number),
    )


def prediction(number: int, p: float | None = 0.6) -> Prediction:
    return Prediction(
        prediction_id=f"p{number}",
        symbol="BTC/USD.KRAKEN",
        model="micro",
        time=START_MS * 1_000_000,
        bid=600_000,
        ask=600_001,
        mid2=1_200_001,
        served=Answer("v1", p, learned=number),
        features_ref=Ref("features", 0, number),
        outputs=(Answer("v1", p), Answer("v2", abstain="warming_up")),
    )


def label(number: int, y: int | None = 1, p: float | None = 0.6) -> Label:
    return Label(
        prediction_id=f"p{number}",
        symbol="BTC/USD.KRAKEN",
        model="micro",
        spec="up1s",
        state="labelled" if y is not None else "censored",
        time=START_MS * 1_000_000,
        known_at=START_MS * 1_000_000 + 10**9,
        y=y,
        p=p,
    )


def example(number: int, y: int | None = 1, p: float | None = 0.6) -> Example:
    return Example(
        prediction_id=f"p{number}",
        symbol="BTC/USD.KRAKEN",
        model="micro",
        lane="inline",
        spec="up1s",
        set_hash="00",
        state="labelled" if y is not None else "censored",
        time=START_MS * 1_000_000,
        known_at=START_MS * 1_000_000 + 10**9,
        elapsed_ns=10**9,
        mid2=1_200_001,
        ready=3,
        vector=struct.pack("<2d", 0.5, -0.25),
        features_ref=Ref("features", 0, number),
        known_ref=Ref("features", 0, number + 10),
        y=y,
        r_bps=None if y is None else 0.1,
        version="v1" if p is not None else "",
        p=p,
        outputs=(Answer("v1", p), Answer("v2", abstain="warming_up")),
        cost_bps=52.0,
    )


def accepted(number: int, *, cancel: bool = False) -> ToBroker:
    """An order or its cancel, as risk passes it on."""
    time, command = START_MS * 1_000_000, Ref("orders", 0, number)
    if cancel:
        return ToBroker(
            cancel=CancelAccepted(f"o{number}", "paper", "BTC/USD.KRAKEN", command, "CLIENT", time)
        )
    order = Accepted(
        order_id=f"o{number}",
        client_order_id=f"c{number}",
        account="paper",
        symbol="BTC/USD.KRAKEN",
        side="buy",
        type="limit",
        tif="GTC",
        qty=5,
        price=600_000,
        stop_price=0,
        stop_loss=0,
        take_profit=0,
        protection=0,
        reduce_only=False,
        maker_rate=1600,
        taker_rate=2600,
        reserved="30000.05",
        command_ref=command,
        time=time,
    )
    return ToBroker(order=order)


def dead_letter(number: int) -> DeadLetter:
    return DeadLetter(
        Ref("orders", 0, number),
        START_MS,
        "NOT_JSON",
        "no",
        "00",
        2,
        value=b"\0{",
        headers=(("trace", b"\0\xff"),) if number else (),
    )


def instrument(tick: str = "0.1", symbol: str = "BTC/USD.KRAKEN") -> bytes:
    """The record on `control`."""
    given = Instrument(
        symbol=symbol, base="BTC", quote="USD", venue="KRAKEN", tick=tick, lot="0.0001"
    )
    return control.encode(control.InstrumentRecord(instrument=given))


def record(offset: int, message: object) -> Record:
    value = message if isinstance(message, bytes) else codec.encode(message)
    return Record(offset, START_MS + offset, value)


def batch_of(
    topic: Topic, messages: Sequence[object], *, first: int = 0, partition: int = 0
) -> Batch:
    """A batch of consecutive records of one partition."""
    batch = Batch(generation=0)
    records = [record(first + at, message) for at, message in enumerate(messages)]
    batch.add((topic.name, partition), Span(first, first + len(records)), records)
    batch.seal()
    return batch


TRADES, FILLS, POSITIONS = topics.TRADES, topics.FILLS, topics.POSITIONS
EVENTS, MARKS = topics.EVENTS, topics.MARKS

ORDER = b'{"v":1,"cmd":"new","account":"a","client_order_id":"c1","symbol":"XBT/USD.SIM"}'
NO_ORDER = b'{"v":1,"cmd":"sell","account":"a","client_order_id":"c2"}'


def alias(number: int) -> Alias:
    return Alias(
        model="up1s.micro.all",
        epoch=number,
        champion=f"v{number}",
        effective_from=START_MS * 1_000_000,
        action="promote",
        challenger="mix",
        shadows=("lin",),
    )


ONE_OF_EACH: dict[Topic, tuple[object, object]] = {
    TRADES: (trade(0), trade(1)),
    topics.QUOTES: (quote(0), quote(1)),
    MARKS: (mark(0), mark(1)),
    topics.ORDERS: (ORDER, NO_ORDER),
    topics.DECISIONS: (decision(0), decision(1, outcome="rejected", reason="OFF_TICK")),
    topics.ACCEPTED: (accepted(0), accepted(1, cancel=True)),
    topics.STRATEGY_FILLS: (fill(0, strategy="signal"), fill(1, strategy="signal")),
    EVENTS: (order_event(0), order_event(1, price="12.5")),
    FILLS: (fill(0), fill(1)),
    POSITIONS: (position(0), position(1)),
    topics.FEATURES: (features(0), features(1)),
    topics.PREDICTIONS: (prediction(0), prediction(1, None)),
    topics.EXAMPLES: (example(0), example(1, y=None, p=None)),
    topics.LABELS: (label(0), label(1, None)),
    topics.ALIAS: (alias(0), alias(1)),
    topics.CONTROL: (instrument(), instrument("0.01")),
    topics.DEAD_LETTERS: (dead_letter(0), dead_letter(1)),
}
"""Two messages of every topic that has a table."""
