"""The handlers of the symbol side over plain tables, one record after the other."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from agents import market, market_state, strategist
from agents.cells import LearnerTables
from agents.handler import Event, Output
from agents.learner import Learner
from agents.learner_tables import INLINE
from agents.market_state import SymbolState
from models.serving import NoScorers, Scorers
from streams import topics
from streams.instruments import Instrument
from streams.messages import Quote, Trade
from streams.predictions import Alias, Features, Prediction
from streams.state import Table
from streams.topics import Topic

MS = 1_000_000
SECOND = 1_000_000_000
START = 1_760_000_000 * SECOND
SYMBOL = "BTCUSDT.BINANCE_SPOT"


LEARNER = Learner(INLINE, "learner")


def instrument(symbol: str, tick: str = "0.01", lot: str = "0.00001") -> Instrument:
    return Instrument(symbol=symbol, base="BTC", quote="USDT", venue="BINANCE", tick=tick, lot=lot)


class Record(NamedTuple):
    """A record of the log; its value is decoded already."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None = None


class Tables:
    """The tables of the three groups together."""

    def __init__(self, *instruments: Instrument, scorers: Scorers | None = None) -> None:
        self.instruments: Table[Instrument] = Table("instruments", Instrument)
        for each in instruments:
            self.instruments.put(each.symbol, each)
        self.market: Table[SymbolState] = market_state.market_table()
        learned = LearnerTables(0, scorers or NoScorers())
        self.learners, self.waiting, self.sweeps = learned.learners, learned.waiting, learned.sweeps
        self.blocks, self.losses = learned.blocks, learned.losses
        self.registry, self.aliases = learned.registry, learned.aliases
        self.scorers = learned.scorers
        self.watch = learned.watch
        self._learned = learned.all()
        self.timers = strategist.timers()
        self.memories = strategist.memory_table(self.timers)
        self.commit()

    def all(self) -> tuple[Table[Any], ...]:
        return (
            self.instruments,
            self.market,
            self.memories,
            *self._learned,
        )

    def commit(self) -> list[tuple[bytes, bytes | None]]:
        """End the chunk; its changelog."""
        changes = [change for table in self.all() for change in table.seal()]
        for table in self.all():
            table.publish()
        return changes

    def discard(self) -> None:
        for table in self.all():
            table.discard()

    def restore(self, changes: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Apply a changelog."""
        by_name = {table.name: table for table in self.all()}
        for key, value in changes:
            name, _, rest = key.decode().partition("|")
            by_name[name].load(rest, value)


Step = Callable[[Any, Any], Iterable[Output]]


def event(topic: Topic, offset: int, message: Any, clock_ns: int = 0) -> Event[Any]:
    made: Event[Any] = Event()
    made.topic, made.partition, made.message = topic.name, 0, message
    made.record = Record(offset, message.time // MS, message.symbol.encode())
    made.clock_ns = max(clock_ns, message.time)
    return made


def run(
    handler: Step, tables: Any, topic: Topic, messages: Iterable[Any], first: int = 0
) -> Iterator[Output]:
    """The outputs of a handler over the records of one topic."""
    clock = 0
    for offset, message in enumerate(messages, first):
        clock = max(clock, message.time)
        yield from handler(event(topic, offset, message, clock), tables)


def ticks(tables: Tables, messages: Iterable[Quote | Trade], first: int = 0) -> list[Output]:
    """The outputs of the market handlers over interleaved quotes and trades."""
    outputs: list[Output] = []
    for offset, message in enumerate(messages, first):
        if isinstance(message, Quote):
            outputs += market.on_quote(event(topics.QUOTES, offset, message), tables)
        else:
            outputs += market.on_trade(event(topics.TRADES, offset, message), tables)
    return outputs


def of(topic: Topic, outputs: Iterable[Output]) -> list[Any]:
    """The messages written to one topic."""
    return [output.message for output in outputs if output.topic is topic]


def learn(tables: Tables, vectors: Iterable[Features], first: int = 0) -> list[Output]:
    return list(run(LEARNER.on_features, tables, topics.FEATURES, vectors, first))


def event_of(topic: Topic, message: Any, clock_ns: int = 0) -> Event[Any]:
    """A record of a topic that every cell reads."""
    made: Event[Any] = Event()
    made.topic, made.partition, made.message, made.clock_ns = topic.name, 0, message, clock_ns
    made.record = Record(0, 0, message.model.encode())
    return made


def alias(tables: Tables, given: Alias, clock_ns: int = 0) -> None:
    """Let the learner hear of an alias."""
    LEARNER.on_alias(event_of(topics.ALIAS, given, clock_ns), tables)


def trade(
    tables: Tables, seat: strategist.Strategist, predictions: Iterable[Prediction]
) -> list[bytes]:
    outputs = run(seat.on_prediction, tables, topics.PREDICTIONS, predictions)
    return [output.message for output in outputs]
