"""The tables of a learner's cell, the models that it serves, and the lanes in which their versions are kept."""

from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

import msgspec

from models.drift import LossTable
from models.labels import UP_1S, UP_5S, LabelSpec
from models.learning import LearnerTable
from models.online import versions
from models.scores import Scored
from models.serving import Aliases, Scorers
from models.waiting import WaitingTable
from streams.predictions import ModelVersion
from streams.state import Table


class Model(NamedTuple):
    """A model: the key of the registry, which says label, feature set and group of symbols, and its label."""

    name: str
    spec: LabelSpec


MODELS = tuple(Model(f"{spec.name}.micro.all", spec) for spec in (UP_1S, UP_5S))


@dataclass(frozen=True)
class Lane:
    """Versions that learn in one process. thins: they learn only labels that overlap with none before."""

    name: Literal["inline", "heavy"]
    versions: tuple[str, ...]
    thins: bool


INLINE = Lane("inline", versions.INLINE, thins=False)
HEAVY = Lane("heavy", (*versions.BASELINES, *versions.HEAVY), thins=True)


class Watch(Protocol):
    """Who measures how long answers and lessons take; what is learned knows no clock."""

    def now(self) -> float:
        """Seconds of any clock."""

    def spent(
        self, name: Literal["predict_seconds", "learn_seconds"], model: str, since: float
    ) -> None:
        """A vector's answers, or its lessons, of one model, have taken from `since` until now."""


class NoWatch:
    """For replays and tests."""

    def now(self) -> float:
        return 0.0

    def spent(self, name: str, model: str, since: float) -> None:
        """Not measured."""


NO_WATCH = NoWatch()


class Sweep(msgspec.Struct, frozen=True, gc=False):
    """When the next sweep is due, in event time (ns)."""

    due: int


class LearnerTables(Protocol):
    """What the learner needs of its cell.

    registry: by model and version; blocks: scores of the last full blocks; losses: what detectors have seen.
    """

    learners: LearnerTable
    waiting: WaitingTable
    blocks: Table[Scored]
    losses: LossTable
    sweeps: Table[Sweep]
    registry: Table[ModelVersion]
    aliases: Table[Aliases]
    scorers: Scorers
    watch: Watch


def place_of(model: str, symbol: str) -> str:
    """The key of a model's row of one symbol."""
    return f"{model}|{symbol}"
