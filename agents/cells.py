"""The tables of a cell of each symbol-keyed group, composed of what its handlers need."""

from typing import Any

from agents.learner import learner_table, sweep_table
from agents.market_state import market_table
from agents.strategist import memory_table, timers
from streams.instruments import Instrument
from streams.predictions import Alias, ModelVersion
from streams.state import Table
from tables.exchange import Exchange


class SymbolTables:
    """Market and exchange of the symbols of one partition."""

    def __init__(self, partition: int) -> None:
        self.partition = partition
        self.instruments = Table("instruments", Instrument)
        self.market = market_table()
        self.exchange = Exchange()

    def all(self) -> tuple[Table[Any], ...]:
        """Every table of the cell."""
        return (self.instruments, self.market, *self.exchange.tables())


class LearnerTables:
    """Models of the symbols of one partition."""

    def __init__(self, partition: int) -> None:
        self.partition = partition
        self.learners = learner_table()
        self.sweeps = sweep_table()
        self.versions = Table("versions", ModelVersion)
        self.aliases = Table("aliases", Alias)

    def all(self) -> tuple[Table[Any], ...]:
        """Every table of the cell."""
        return (self.learners, self.sweeps, self.versions, self.aliases)


class StrategistTables:
    """What the strategy remembers of the symbols of one partition."""

    def __init__(self, partition: int) -> None:
        self.partition = partition
        self.instruments = Table("instruments", Instrument)
        self.timers = timers()
        self.memories = memory_table(self.timers)

    def all(self) -> tuple[Table[Any], ...]:
        """Every table of the cell."""
        return (self.instruments, self.memories)
