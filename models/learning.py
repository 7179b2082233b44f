"""What has been learned of one symbol under one label: its versions' states, and the vectors that wait for labels."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from models import online
from models.features import FEATURES, READY_SOON, SET_HASH, VECTOR
from models.labels import GAP_MS_MAX, Outcome, Pending
from models.online import FRESH
from streams.predictions import Answer, Features
from streams.state import Table

if TYPE_CHECKING:
    from models.linear import Linear

LABELS_MIN = 200
MAX_AGE_NS = 24 * 3600 * 1_000_000_000
"""An online version that has learned nothing for so long does not answer."""

RETURNS = 100
"""The volatility is the root mean square of about so many of the last known returns."""

FAULTS_MAX = 3
FAULTS_NS = 3600 * 1_000_000_000
"""So many states that were not finite within this time disable the version."""


class Learned(msgspec.Struct, array_like=True, gc=False):
    """The row of one symbol.

    lin: the exported state of `lin`. learned, learned_at: its examples, and the event time (ns) of the last. ups,
    downs: labels of each class, for `prior`. squares: mean square of the last known returns (bps), over `returns` of
    them. faults: when its state was last found not finite. pending: by deadline.
    """

    lin: bytes = FRESH
    learned_at: int = 0
    ups: int = 0
    downs: int = 0
    squares: float = 0.0
    returns: int = 0
    faults: list[int] = []
    pending: list[Pending] = []

    def __copy__(self) -> "Learned":
        twin: Learned = super().__copy__()  # type: ignore[misc]  # msgspec has it, its stub has not
        twin.faults = self.faults.copy()
        twin.pending = self.pending.copy()
        return twin


class LearnerTable(Table[Learned]):
    """The table `learners`, keyed by symbol, with the River objects that its rows describe.

    An object serves only a row that holds exactly the state it is in. So it does not matter whether the chunk that
    taught it was committed, discarded or run again: where object and row differ, the row is built anew.
    """

    def __init__(self) -> None:
        super().__init__("learners", Learned)
        self._live: dict[str, Linear] = {}

    def linear(self, symbol: str, dump: bytes) -> "Linear":
        """The River object in the state `dump`."""
        from models.linear import (
            Linear,
        )  # River takes a second to import; a restarted worker trades before

        model = self._live.get(symbol)
        if model is None or model.dumped != dump:
            model = self._live[symbol] = Linear(dump if online.is_known(dump) else FRESH)
        return model


def refusal(features: Features) -> tuple[str, tuple[float, ...]]:
    """Why a vector may be neither answered nor learned, "" if it may, and its values if it has any.

    The feature function clips, so a value beyond its clip was made by something else.
    """
    if features.set_hash != SET_HASH or len(features.vector) != VECTOR.size:
        return "feature_set", ()
    values = VECTOR.unpack(features.vector)
    if not all(map(math.isfinite, values)):
        return "nonfinite_input", values
    for value, feature in zip(values, FEATURES, strict=True):
        if not feature.low <= value <= feature.high:
            return "out_of_distribution", values
    return "", values


def answer_lin(
    learned: Learned, model: "Linear", features: Features, values: Sequence[float]
) -> Answer:
    """The answer of `lin` to a vector that was not refused."""
    reason = _abstains(learned, model, features)
    if not reason:
        scaled = model.scale(values)
        p = model.predict(scaled)
        if not math.isfinite(p):
            reason = "nonfinite_output"
        elif online.is_outlier(scaled):
            reason = "out_of_distribution"
        else:
            return Answer("lin", p, "", model.learned)
    return Answer("lin", None, reason, model.learned)


def _abstains(learned: Learned, model: "Linear", features: Features) -> str:
    if features.gap_ms > GAP_MS_MAX:
        return "stale_features"
    if READY_SOON & ~features.ready:
        return "warming_up"
    if not model.sound or is_disabled(learned) or features.time in learned.faults:
        return "nonfinite_state"
    if model.learned < LABELS_MIN:
        return "not_enough_labels"
    if features.time - learned.learned_at > MAX_AGE_NS:
        return "model_expired"
    return ""


def answer_prior(learned: Learned) -> Answer:
    """The frequency of ups among the labels so far, by Laplace's rule."""
    labels = learned.ups + learned.downs
    return Answer("prior", (learned.ups + 1) / (labels + 2), "", labels)


def take(learned: Learned, outcome: Outcome) -> None:
    """Count a known label: the class for `prior`, the return for the volatility."""
    if outcome.state == "labelled":
        learned.ups += outcome.y == 1
        learned.downs += outcome.y == 0
    if outcome.state in ("labelled", "flat") and outcome.r_bps is not None:
        learned.returns = min(learned.returns + 1, RETURNS)
        learned.squares += (outcome.r_bps**2 - learned.squares) / learned.returns


def teach(learned: Learned, model: "Linear", vector: bytes, up: bool, time: int) -> None:
    """Learn one example; a state that is not finite is given up for the one before."""
    model.learn(VECTOR.unpack(vector), up)
    if model.sound:
        learned.lin = model.dumped
        learned.learned_at = time
    else:
        learned.faults = [*learned.faults, time][-FAULTS_MAX:]


def is_disabled(learned: Learned) -> bool:
    """Whether the state of `lin` was not finite too often within an hour."""
    faults = learned.faults
    return len(faults) == FAULTS_MAX and faults[-1] - faults[0] <= FAULTS_NS


def volatility_bps(learned: Learned) -> float:
    """Root mean square of the last known returns over the label's horizon."""
    return math.sqrt(learned.squares)
