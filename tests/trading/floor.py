"""Risk, broker and ledger over dicts: one account and one symbol, with what waits between them."""

from collections import deque
from typing import Any

from agents.handler import Output
from streams import codec, control, money, topics
from streams.messages import Fill, OrderEvent
from tests.broker.exchange import SYMBOL, Stage, instrument
from tests.trading.drive import Drive, wide


class Floor:
    """One account cell and one symbol cell. Fills and events wait until delivered, each topic in its order."""

    def __init__(self, type: Any = "cash", cash: str = "1000000") -> None:
        self.stage = Stage(instrument())
        self.drive = Drive()
        self.drive.clock = self.stage.clock
        self.fills: deque[Fill] = deque()
        self.events: deque[OrderEvent] = deque()
        self.number = 0
        for record in (
            control.InstrumentRecord(instrument=instrument()),
            control.Account(account="a", type=type, mode="sim", maker_rate=200, taker_rate=1200),
            wide(),
            control.Cash(account="a", id="first", currency="USD", amount=cash),
        ):
            self.drive.control(record)

    def quote(self, bid: str, ask: str, **sizes: Any) -> None:
        """A quote, its mark, and what it made the broker do."""
        self._keep(self.stage.quote(bid, ask, **sizes))
        self.drive.clock = self.stage.clock
        known = instrument()
        self.drive.mark(SYMBOL, known.price_ticks(bid), known.price_ticks(ask))

    def trade(self, price: str, size: str) -> None:
        """A public trade by a seller."""
        self._keep(self.stage.trade(price, size))
        self.drive.clock = self.stage.clock

    def send(self, **fields: Any) -> list[Output]:
        """A command through risk to the broker."""
        self.number += 1
        outputs = self.drive.outputs(
            **{"client_order_id": f"c{self.number}", "symbol": SYMBOL} | fields
        )
        self.accept(outputs)
        return outputs

    def accept(self, outputs: list[Output]) -> None:
        """What risk accepted reaches the broker."""
        for output in outputs:
            if output.topic is topics.ACCEPTED:
                self._keep(self.stage.feed(topics.ACCEPTED.name, output.message, self.stage.clock))

    def deliver(self) -> None:
        """All that waits, fills first."""
        while self.fills:
            self.deliver_fill()
        while self.events:
            self.deliver_event()

    def deliver_fill(self) -> None:
        self.drive.send(topics.FILLS, "a", codec.encode(self.fills.popleft()))

    def deliver_event(self) -> None:
        self.drive.send(topics.EVENTS, "a", codec.encode(self.events.popleft()))

    @property
    def net(self) -> str:
        """What the account has made after fees."""
        return money.text(self.drive.tables.positions[f"a|{SYMBOL}"].net)

    def _keep(self, messages: list[Any]) -> None:
        self.fills.extend(message for message in messages if isinstance(message, Fill))
        self.events.extend(message for message in messages if isinstance(message, OrderEvent))
