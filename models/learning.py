"""What has been learned of one symbol under one model: its versions' states, its scores, what its answers rest on."""

import math
from collections.abc import Sequence

import msgspec

from models.drift import Hold
from models.labels import Outcome
from models.online import versions
from models.online.adapter import Online
from models.scores import Block
from streams.state import Table

RETURNS = 100
"""Volatility and size of returns are means over about so many of the last known ones."""

FAULTS_MAX = 3
FAULTS_NS = 3600 * 1_000_000_000
"""So many states that were not finite within this time disable the version."""

JOIN_NS = 300 * 1_000_000_000
JOIN_MIN, JOIN_SHARE = 100, 0.5


class Kept(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A version's exported state, the event time (ns) of its last example, and when a state was found not finite."""

    state: bytes = b""
    learned_at: int = 0
    faults: tuple[int, ...] = ()

    @property
    def disabled(self) -> bool:
        """Whether its state was not finite too often within an hour."""
        faults = self.faults
        return len(faults) == FAULTS_MAX and faults[-1] - faults[0] <= FAULTS_NS


NOTHING = Kept()


class Joined(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How many labels ended, and became known, in the present span of five minutes and in the one before."""

    since: int = 0
    ended: int = 0
    known: int = 0
    ended_before: int = 0
    known_before: int = 0

    def after(self, time: int, known: bool) -> "Joined":
        """With one label more."""
        now = self
        if time >= self.since + JOIN_NS:
            is_next = self.since and time < self.since + 2 * JOIN_NS
            before = (self.ended, self.known) if is_next else (0, 0)
            now = Joined(time, 0, 0, *before)
        return msgspec.structs.replace(now, ended=now.ended + 1, known=now.known + known)

    @property
    def too_few(self) -> bool:
        """Whether less than half of what ended lately became known."""
        ended = self.ended + self.ended_before
        return ended >= JOIN_MIN and self.known + self.known_before < JOIN_SHARE * ended


class Learned(msgspec.Struct, array_like=True, gc=False):
    """The row of one symbol under one model.

    squares, sizes: mean square and mean size of the last known returns (bps), over `returns` of them. gap_at: event
    time of the last vector after a silence. taken: known_at of the last label that overlaps with none before. weights:
    of the mixture. watched: losses that each version's detector has seen. block: scores of the `scored` labels since
    the last full block; blocks: how many were full; recalibrated: how many when a scale last began anew. fresh: a block
    is full that no prediction has told of. alarms: of drift, that no prediction has told of. first, lessons: of the
    heavy lane, the first lesson that is kept and the next.
    """

    versions: dict[str, Kept] = {}
    squares: float = 0.0
    sizes: float = 0.0
    returns: int = 0
    gap_at: int = 0
    taken: int = 0
    weights: dict[str, float] = {}
    watched: dict[str, int] = {}
    hold: Hold | None = None
    joined: Joined = Joined()
    block: Block = {}
    scored: int = 0
    blocks: int = 0
    recalibrated: int = 0
    fresh: bool = False
    alarms: tuple[str, ...] = ()
    first: int = 0
    lessons: int = 0

    def __copy__(self) -> "Learned":
        twin: Learned = super().__copy__()  # type: ignore[misc]  # msgspec has it, its stub has not
        twin.versions = self.versions.copy()
        twin.watched = self.watched.copy()
        twin.block = self.block.copy()
        return twin

    def kept(self, version: str) -> Kept:
        """What is kept of a version."""
        return self.versions.get(version, NOTHING)

    @property
    def volatility_bps(self) -> float:
        """Root mean square of the last known returns over the label's horizon."""
        return math.sqrt(self.squares)

    def take(self, outcome: Outcome, time: int) -> None:
        """Count a label that has ended: its return, and whether it became known."""
        known = outcome.state in ("labelled", "flat")
        self.joined = self.joined.after(time, known)
        if known and outcome.r_bps is not None:
            self.returns = min(self.returns + 1, RETURNS)
            self.squares += (outcome.r_bps**2 - self.squares) / self.returns
            self.sizes += (abs(outcome.r_bps) - self.sizes) / self.returns


class LearnerTable(Table[Learned]):
    """The table `learners`, keyed by model and symbol, with the objects that its rows describe.

    An object serves only a row that holds exactly the state it is in. So it does not matter whether the chunk that
    taught it was committed, discarded or run again: where object and row differ, the object is made anew.
    """

    def __init__(self) -> None:
        super().__init__("learners", Learned)
        self._live: dict[tuple[str, str], Online] = {}

    def online(self, key: str, version: str, state: bytes) -> Online:
        """A version of a row in this state."""
        live = self._live.get((key, version))
        if live is None or live.state != state:
            live = self._live[key, version] = versions.make(version, state)
        return live

    def teach(
        self, key: str, row: Learned, version: str, values: Sequence[float], up: bool, time: int
    ) -> None:
        """Let a version learn one example; a state that is not finite is given up for the one before."""
        kept = row.kept(version)
        if kept.disabled:
            return
        online = self.online(key, version, kept.state)
        online.learn(values, up, 1.0, time)
        if online.sound:
            row.versions[version] = Kept(online.state, time, kept.faults)
        else:
            faults = (*kept.faults, time)[-FAULTS_MAX:]
            row.versions[version] = msgspec.structs.replace(kept, faults=faults)

    def note(self, key: str, row: Learned, vector: bytes, up: bool, time: int) -> None:
        """Before a lesson. An inline state holds all that was learned, so no lesson need be kept."""
