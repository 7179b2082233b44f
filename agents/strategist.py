"""Predictions, own fills and event time in, orders of one account out: asks the strategy and sends what it answers.

Whatever a strategy does wrong costs it that one answer: it is written to `dead.letters` with the record that was asked
about, the memory stays as it was, and the engine goes on.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from agents.dead_letter import dead_letter
from agents.handler import Event, Output
from agents.strategies import Answer, Memory, Moment, Strategy
from agents.strategies.commands import BadAnswer, Order, Sender, encode
from streams import topics
from streams.codec import Undecodable
from streams.instruments import Instrument
from streams.messages import Fill, PredictionRef
from streams.predictions import Prediction
from streams.state import Table
from tables.window import OldestFirst

GROUP = "strategist"
ORDERS_MAX = 10
"""In one answer."""
MEMORY_BYTES_MAX = 65_536
MODEL = "up1s.micro.all"
"""Whose predictions a strategy acts on."""


class Kept(msgspec.Struct, frozen=True):
    """What a strategy remembers of one symbol, as JSON of its own type: rows of other strategies stay readable.

    wake_at: event time (ns) of its timer, 0 = none.
    """

    wake_at: int
    memory: msgspec.Raw


Timers = OldestFirst[Kept]
Ask = Callable[[Any, Moment], Answer[Any]]


class StrategistTables(Protocol):
    """What this handler needs of its cell. instruments: read only; timers: index of `memories` by wake_at."""

    memories: Table[Kept]
    timers: Timers
    instruments: Table[Instrument]


def timers() -> Timers:
    """An index of memories by their timers."""
    return OldestFirst[Kept](lambda kept: kept.wake_at or None)


def memory_table(by_timer: Timers) -> Table[Kept]:
    """The table `memories`, keyed by strategy and symbol."""
    return Table("memories", Kept, (by_timer,))


@dataclass(frozen=True)
class Strategist:
    """One strategy that trades one account by one model. name: in every id; generation: the log's."""

    name: str
    strategy: Strategy[Any]
    account: str
    generation: int = 1
    model: str = MODEL

    def on_prediction(self, event: Event[Prediction], tables: StrategistTables) -> list[Output]:
        """What the timers that are due and then the prediction lead to; nothing for an unknown symbol.

        Of another model, or of a lane that serves nothing, there is nothing to ask but the timers.
        """
        prediction = event.message
        turn = _Turn(self, event, tables, "")
        outputs = turn.timers()
        if prediction.model != self.model or not prediction.served.version:
            return outputs
        outputs += turn.ask(
            prediction.symbol,
            prediction.time,
            lambda memory, at: self.strategy.on_prediction(prediction, memory, at),
            acts_on=_ref(event),
            abstains=prediction.served.p is None,
        )
        return outputs

    def on_fill(self, event: Event[Fill], tables: StrategistTables) -> list[Output]:
        """What the timers that are due and then one of its own fills lead to."""
        fill = event.message
        turn = _Turn(self, event, tables, "f")
        outputs = turn.timers()
        if (fill.account, fill.strategy) == (self.account, self.name):
            outputs += turn.ask(
                fill.symbol,
                fill.time,
                lambda memory, at: self.strategy.on_fill(fill, memory, at),
            )
        return outputs


def _ref(event: Event[Prediction]) -> PredictionRef | None:
    """What an order says of the prediction that it acts on. edge_bps: before costs."""
    prediction = event.message
    served = prediction.served
    if served.p is None:
        return None
    edge_bps = prediction.edge_bps
    return PredictionRef(*event.ref, prediction.model, served.version, served.p, edge_bps)


class _Turn:
    """All that one record asks of the strategy; its orders are numbered through. mark: of the record's topic in ids."""

    def __init__(
        self, seat: Strategist, event: Event[Any], tables: StrategistTables, mark: str
    ) -> None:
        self._seat = seat
        self._event = event
        self._tables = tables
        self._id = f"{seat.name}:{seat.generation}:{mark}{event.partition}:{event.offset}"
        self._sent = 0

    def timers(self) -> list[Output]:
        """Ask about every timer that is due, the earliest first."""
        tables, strategy, now = self._tables, self._seat.strategy, self._event.clock_ns
        outputs: list[Output] = []
        while (key := tables.timers.oldest()) is not None:
            kept = tables.memories[key]
            if kept.wake_at > now:
                break
            tables.memories.put(key, Kept(0, kept.memory))  # it rings once, whatever comes of it
            name, _, symbol = key.partition(":")
            if name == self._seat.name:
                outputs += self.ask(symbol, now, lambda m, at: strategy.on_timer(now, m, at))
        return outputs

    def ask(
        self,
        symbol: str,
        time: int,
        ask: Ask,
        *,
        acts_on: PredictionRef | None = None,
        abstains: bool = False,
    ) -> list[Output]:
        """Put one question, keep the memory of its answer, and send its orders; or tell what is wrong with them."""
        instrument = self._tables.instruments.get(symbol)
        if instrument is None:
            return []
        may_enter = not abstains and instrument.status == "trading"
        at = Moment(instrument, time, may_enter, self._id, self._sent)
        key = f"{self._seat.name}:{symbol}"
        try:
            kept = self._tables.memories.get(key)
            memory, commands = ask(self._memory(kept), at)
            row = self._kept(memory)
            orders = list(self._encoded(commands, at, acts_on))
        except Exception as error:  # noqa: BLE001  whatever a strategy raises, it must not stop the engine
            reason = "STRATEGY_ANSWER" if isinstance(error, BadAnswer) else "STRATEGY_ERROR"
            what = str(error) if isinstance(error, BadAnswer) else repr(error)
            refusal = Undecodable(reason, f"{self._seat.name} {symbol}: {what}")
            return [dead_letter(self._event, refusal, GROUP)]
        if row != kept:
            self._tables.memories.put(key, row)
        self._sent += len(orders)
        return [Output(topics.ORDERS, self._seat.account, order) for order in orders]

    def _memory(self, kept: Kept | None) -> Memory:
        kind = self._seat.strategy.memory
        if kept is None:
            memory: Memory = kind()
            return memory
        memory = msgspec.json.decode(kept.memory, type=kind)
        return msgspec.structs.replace(memory, wake_at=kept.wake_at)

    def _kept(self, memory: Memory) -> Kept:
        """The row of a memory. Raises BadAnswer for one that cannot be kept."""
        kind = self._seat.strategy.memory
        if not isinstance(memory, kind):
            raise BadAnswer(f"a memory is a {kind.__name__}, no {type(memory).__name__}")
        if memory.wake_at and not memory.wake_at > self._event.clock_ns:
            raise BadAnswer(f"wake_at {memory.wake_at} is not after {self._event.clock_ns}")
        data = msgspec.json.encode(memory)
        if msgspec.json.decode(data, type=kind) != memory:
            raise BadAnswer("a memory must be the same after a restart: no NaN, no infinity")
        if len(data) > MEMORY_BYTES_MAX:
            raise BadAnswer(f"a memory of {len(data)} bytes; at most {MEMORY_BYTES_MAX}")
        return Kept(memory.wake_at, msgspec.Raw(data))

    def _encoded(self, commands: Any, at: Moment, acts_on: PredictionRef | None) -> Iterator[bytes]:
        if len(commands) > ORDERS_MAX:
            raise BadAnswer(f"{len(commands)} orders in one answer; at most {ORDERS_MAX}")
        sender = Sender(self._seat.account, self._seat.name, at.instrument, at.time, acts_on)
        for number, command in enumerate(commands):
            if isinstance(command, Order) and not command.reduce_only and not at.may_enter:
                raise BadAnswer("an entry where none may be sent")
            yield encode(command, at.order_id(number), sender)
