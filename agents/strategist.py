"""Predictions in, orders of one account out: asks the strategy and writes its intent as a command on `orders`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import msgspec

from agents.handler import Event, Output
from agents.strategies import Intent, Strategy
from streams import topics
from streams.instruments import Instrument
from streams.messages import Prediction
from streams.orders import Bracket, New, StopLoss, TakeProfit
from streams.state import Table

NOTHING: tuple[Output, ...] = ()


class Memory(msgspec.Struct, frozen=True, gc=False):
    """What the strategy remembers about one symbol."""

    values: Mapping[str, int] = {}


class StrategistTables(Protocol):
    """What this handler needs of its cell. instruments: read only."""

    memories: Table[Memory]
    instruments: Table[Instrument]


def memory_table() -> Table[Memory]:
    """The table `memories`, keyed by strategy and symbol."""
    return Table("memories", Memory)


@dataclass(frozen=True)
class Strategist:
    """One strategy that trades one account. generation: the log's, in every client_order_id."""

    name: str
    strategy: Strategy
    account: str
    generation: int = 1

    def on_prediction(
        self, event: Event[Prediction], tables: StrategistTables
    ) -> tuple[Output, ...]:
        """The order that a prediction leads to, if any; none for a symbol that is not known or not trading."""
        prediction = event.message
        instrument = tables.instruments.get(prediction.symbol)
        if prediction.served.p is None or instrument is None or instrument.status != "trading":
            return NOTHING
        key = f"{self.name}:{prediction.symbol}"
        kept = tables.memories.get(key)
        before = {} if kept is None else kept.values
        intent, after = self.strategy(prediction, instrument, before)
        if after != before:
            tables.memories.put(key, Memory(after))
        if intent is None:
            return NOTHING
        order = self._order(event, intent, instrument)
        return (Output(topics.ORDERS, self.account, order),)

    def _order(self, event: Event[Prediction], intent: Intent, instrument: Instrument) -> bytes:
        prediction = event.message
        order = New(
            v=1,
            cmd="new",
            account=self.account,
            client_order_id=f"{self.name}:{self.generation}:{event.partition}:{event.offset}",
            created_at=_rfc3339(prediction.time),
            symbol=prediction.symbol,
            side=intent.side,
            type="market",
            qty=instrument.qty_text(intent.qty),
            bracket=Bracket(
                stop_loss=StopLoss(stop_price=instrument.price_text(intent.stop_loss)),
                take_profit=TakeProfit(price=instrument.price_text(intent.take_profit)),
            ),
            strategy=self.name,
        )
        return order.model_dump_json(exclude_none=True).encode()


def _rfc3339(time_ns: int) -> str:
    """`2026-01-05T00:00:00.000000001Z` of nanoseconds since 1970."""
    seconds, nanoseconds = divmod(time_ns, 1_000_000_000)
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{nanoseconds:09d}Z"
