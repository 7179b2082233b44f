"""The tables of a cell of each symbol-keyed group, composed of what its handlers need."""

from collections.abc import Iterator
from typing import Any

from agents.learner_tables import NO_WATCH, Sweep, Watch
from agents.market_state import market_table
from agents.strategist import memory_table, timers
from models.drift import LossTable
from models.folding import Checkpoint, HeavyTable, Lesson
from models.learning import LearnerTable
from models.online import versions
from models.scores import Scored
from models.serving import Aliases, NoScorers, Scorers
from models.waiting import WaitingTable
from streams.instruments import Instrument
from streams.predictions import ModelVersion
from streams.state import Table
from tables.exchange import Exchange

NO_SCORERS = NoScorers()


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
    """Models of the symbols of one partition. scorers: where batch versions come from; watch: who measures."""

    def __init__(
        self, partition: int, scorers: Scorers = NO_SCORERS, watch: Watch = NO_WATCH
    ) -> None:
        self.partition = partition
        self.learners: LearnerTable = LearnerTable()
        self.waiting = WaitingTable()
        self.blocks = Table("blocks", Scored)
        self.losses = LossTable()
        self.sweeps = Table("sweeps", Sweep)
        self.registry = Table("registry", ModelVersion)
        self.aliases = Table("aliases", Aliases)
        self.scorers = scorers
        self.watch = watch

    def all(self) -> tuple[Table[Any], ...]:
        """Every table of the cell."""
        return (
            self.learners,
            self.waiting,
            self.blocks,
            self.losses,
            self.sweeps,
            self.registry,
            self.aliases,
        )


class HeavyTables(LearnerTables):
    """As of the learner, for versions that are restored by learning their lessons again."""

    def __init__(self, partition: int, watch: Watch = NO_WATCH) -> None:
        super().__init__(partition, watch=watch)
        self.lessons = Table("lessons", Lesson)
        self.checkpoints = Table("checkpoints", Checkpoint)
        self.learners = self._heavy = HeavyTable(self.lessons, self.checkpoints)

    def all(self) -> tuple[Table[Any], ...]:
        """Every table of the cell."""
        return (*super().all(), self.lessons, self.checkpoints)

    def rebuild(self) -> Iterator[None]:
        """Learn everything again after a restore, a little at a time."""
        for place, row in self.learners.items():
            for version, kept in row.versions.items():
                if version in versions.HEAVY:
                    yield from self._heavy.fold(place, version, kept.state)


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
