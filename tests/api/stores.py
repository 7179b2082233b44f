"""Stores into which a sink has written, for the API's tests."""

from sinks.history import History
from sinks.latest import Keys, Latest
from streams.meter import NoMeter
from streams.topics import DEAD_LETTERS, DECISIONS, PREDICTIONS
from tests.sinks.messages import (
    EVENTS,
    FILLS,
    MARKS,
    POSITIONS,
    TRADES,
    batch_of,
    dead_letter,
    decision,
    fill,
    mark,
    order_event,
    position,
    prediction,
    trade,
)

STORED = (POSITIONS, EVENTS, FILLS, DECISIONS, DEAD_LETTERS, PREDICTIONS, TRADES)
PLACES = [(topic.name, partition) for topic in STORED for partition in range(2)] + [(MARKS.name, 0)]
OTHER = "ETH/USD.KRAKEN"


async def write(database: str, valkey: str, app: str) -> None:
    history, latest = History(database), Latest(valkey, Keys(app, 1), NoMeter())
    await history.connect()
    try:
        await history.claim(PLACES)
        for place in PLACES:
            await latest.ensure(place, 0, history.snapshot)
        for batch in (
            batch_of(POSITIONS, [position(1), position(2), position(3, symbol=OTHER)]),
            batch_of(POSITIONS, [position(4, account="second")], partition=1),
            batch_of(EVENTS, [order_event(1), order_event(2, price="12.50", side="buy")]),
            batch_of(EVENTS, [order_event(1, "CANCELLED", rev=2)], first=2),
            batch_of(FILLS, [fill(1), fill(2)]),
            batch_of(FILLS, [fill(3, account="second")], partition=1),
            batch_of(DECISIONS, [decision(1), decision(2, outcome="rejected", reason="OFF_TICK")]),
            batch_of(DEAD_LETTERS, [dead_letter(1)]),
            batch_of(PREDICTIONS, [prediction(1)]),
            batch_of(MARKS, [mark(1)]),
            batch_of(TRADES, [trade(number) for number in range(5)]),
        ):
            await history.commit(batch)
            await latest.follow(batch, history.snapshot)
    finally:
        await history.close()
        await latest.close()
