"""A strategist over plain tables: predictions and fills in, commands and dead letters out."""

from typing import Any

import msgspec

from agents.handler import Output
from agents.strategies import Strategy
from agents.strategist import Strategist
from streams import topics
from streams.ids import Ref
from streams.instruments import Instrument
from streams.messages import DeadLetter, Fill
from streams.orders import Cancel, New
from streams.predictions import Answer, Prediction
from tests.market import drive
from tests.market.drive import MS, START, SYMBOL


def prediction(ms: int, p: float | None, **changed: Any) -> Prediction:
    """A model's answer `ms` after the start, at a mid of 60,000.00."""
    made = Prediction(
        prediction_id=f"up1s.micro.all:inline:0:{ms}",
        symbol=SYMBOL,
        model="up1s.micro.all",
        time=START + ms * MS,
        bid=5_999_999,
        ask=6_000_001,
        mid2=12_000_000,
        served=Answer("lin", p, "" if p is not None else "warming_up"),
        features_ref=Ref("features", 0, ms),
        volatility_bps=0.5,
        edge_bps=0.0 if p is None else (2 * p - 1) * 0.5,
    )
    return msgspec.structs.replace(made, **changed)


def fill(ms: int, client_order_id: str, qty: str, **changed: Any) -> Fill:
    """A buy of the strategy's, filled at 60,000.00."""
    made = Fill(
        fill_id=f"{client_order_id}:{ms}",
        order_id="1-0-0",
        client_order_id=client_order_id,
        account="paper",
        symbol=SYMBOL,
        side="buy",
        qty=qty,
        price="60000",
        notional="6000",
        fee="6",
        fee_rate=1000,
        liquidity="taker",
        rule="TAKER",
        cause=Ref("market.quotes", 0, ms),
        order_ref=Ref("orders.accepted", 0, 0),
        time=START + ms * MS,
        active_at=START,
        bid=5_999_999,
        ask=6_000_001,
        strategy="own",
    )
    return msgspec.structs.replace(made, **changed)


class Seat:
    """One strategist, its tables, and where its two input topics stand."""

    def __init__(
        self, strategy: Strategy[Any], *instruments: Instrument, name: str = "own"
    ) -> None:
        self.strategist = Strategist(name, strategy, "paper", generation=3)
        self.tables = drive.Tables(*(instruments or (drive.instrument(SYMBOL),)))
        self.offsets = {topics.PREDICTIONS: 0, topics.STRATEGY_FILLS: 0}
        self.clock = 0

    def feed(self, message: Prediction | Fill) -> list[Output]:
        """Handle the next record of its topic."""
        is_fill = isinstance(message, Fill)
        topic = topics.STRATEGY_FILLS if is_fill else topics.PREDICTIONS
        offset = self.offsets[topic]
        self.offsets[topic] = offset + 1
        self.clock = max(self.clock, message.time)
        event = drive.event(topic, offset, message, self.clock)
        handler = self.strategist.on_fill if is_fill else self.strategist.on_prediction
        return handler(event, self.tables)

    def commands(self, message: Prediction | Fill) -> list[New | Cancel]:
        """The commands that a record leads to; no dead letter may be among the outputs."""
        return [_command(output) for output in self.feed(message)]

    def refusal(self, message: Prediction | Fill) -> DeadLetter:
        """The one dead letter that a record leads to, and nothing else."""
        (output,) = self.feed(message)
        assert output.topic is topics.DEAD_LETTERS
        letter: DeadLetter = output.message
        return letter

    def restart(self) -> None:
        """Go on with nothing but what the changelog holds."""
        instruments = [row for _, row in self.tables.instruments.items()]
        changes = self.tables.commit()
        kept = [*self.tables.memories.committed]
        assert all(key.startswith(b"memories|") for key, _ in changes) and kept
        restored = drive.Tables(*instruments)
        restored.restore(changes)
        self.tables = restored


def _command(output: Output) -> New | Cancel:
    assert output.topic is topics.ORDERS, output
    assert output.key == "paper"
    kind = Cancel if b'"cmd":"cancel"' in output.message else New
    return kind.model_validate_json(output.message)
