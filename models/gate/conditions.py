"""The gate's table: what a candidate must show, what it shows, and whether that is enough; one line a demand."""

import math
from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

from models import skill
from models.gate import wager
from models.gate.fold import NO_CHANGE, PRIOR
from models.gate.settings import GateSettings
from models.gate.state import GateState, Outcome, Rival
from models.skill import Floats, Ints

SECOND_NS = 1_000_000_000


class Check(msgspec.Struct, frozen=True):
    """One demand. shown: None where it could not be measured, which is never enough."""

    name: str
    shown: float | str | None
    demand: str
    passed: bool


class Facts(msgspec.Struct, frozen=True):
    """What is known of a version beside its answers.

    refused: why it would not load, "" if it would. predict_ms: the 99th percentile of one answer, timed on logged
    vectors. parity_mismatches: of the last comparison of features. orders, rejected: sent on what it served since the
    canary's step began, and how many of them risk refused.
    """

    lane: str = "inline"
    refused: str = ""
    expired: bool = False
    predict_ms: float | None = None
    parity_mismatches: int | None = None
    orders: int = 0
    rejected: int = 0


def checks(
    state: GateState, rival: Rival, facts: Facts, settings: GateSettings, held: bool
) -> tuple[Check, ...]:
    """Every demand on a candidate."""
    return (
        *_evidence(rival, settings),
        *_quality(state, rival, settings),
        *_money(rival, settings),
        *_service(state, rival, facts, settings),
        Check("loads", facts.refused or "yes", "yes", not facts.refused),
        Check("not_expired", str(not facts.expired), "True", not facts.expired),
        Check("not_held", str(not held), "True", not held),
    )


def answers(state: GateState, since: int, *versions: str) -> tuple[list[Floats], Ints]:
    """A column of answers for each version, and the outcomes, of the kept labels since then that all answered."""
    both = [
        label
        for label in state.recent
        if label.known_at > since and label.answers.keys() >= set(versions)
    ]
    columns = [np.array([label.answers[version] for label in both]) for version in versions]
    return columns, np.array([label.up for label in both], dtype=np.int64)


def kappa(state: GateState, version: str, baseline: str, since: int) -> float | None:
    """Skill over a baseline, on the labels that both answered; None where there are none."""
    (own, other), y = answers(state, since, version, baseline)
    return skill.kappa(skill.accuracy(own, y), skill.accuracy(other, y))


def calibration_error(
    state: GateState, version: str, since: int, settings: GateSettings
) -> float | None:
    """Of the kept labels since then; None for too few."""
    (own,), y = answers(state, since, version)
    return skill.ece(own, y) if len(y) >= settings.calibration_labels_min else None


def labels_to_decision(rival: Rival, settings: GateSettings) -> int | None:
    """How many more labels it takes at the pace so far; None where it gains nothing."""
    missing = math.log(wager.threshold(rival.order, settings)) - math.log(rival.evidence)
    if missing <= 0:
        return 0
    pace = math.log(rival.evidence) / rival.labels if rival.labels else 0.0
    return math.ceil(missing / pace) if pace > 0 else None


def _evidence(rival: Rival, settings: GateSettings) -> Iterator[Check]:
    needed = wager.threshold(rival.order, settings)
    yield _at_least("evidence", rival.evidence, needed)
    yield _at_least("labels", rival.labels, settings.labels_min)
    rarer = min(rival.ups, rival.labels - rival.ups)
    yield _at_least("labels_of_each_class", rarer, settings.class_labels_min)
    seconds = (rival.last_at - rival.first_at) / SECOND_NS
    yield _at_least("event_seconds", seconds, settings.event_s_min)


def _quality(state: GateState, rival: Rival, settings: GateSettings) -> Iterator[Check]:
    error = calibration_error(state, rival.version, rival.since, settings)
    yield _at_most("calibration_error", error, settings.calibration_error_max)
    for name, baseline in (("kappa_t", NO_CHANGE), ("kappa_m", PRIOR)):
        yield _above(name, kappa(state, rival.version, baseline, rival.since), 0.0)
    (own, prior), y = answers(state, rival.since, rival.version, PRIOR)
    most = skill.brier(prior, y)
    yield _below("brier", skill.brier(own, y), math.nan if most is None else most)


def _money(rival: Rival, settings: GateSettings) -> Iterator[Check]:
    count = max(rival.labels, 1)
    own, champion = rival.pnl_bps / count, rival.champion_pnl_bps / count
    yield _at_least("after_cost_bps", own, champion)
    yield _below("evidence_of_loss", rival.cost_evidence, settings.cost_evidence_max)
    yield _at_least("drawdown", rival.drawdown, settings.drawdown_min)


def _service(
    state: GateState, rival: Rival, facts: Facts, settings: GateSettings
) -> Iterator[Check]:
    most = settings.heavy_ms_max if facts.lane == "heavy" else settings.inline_ms_max
    yield _at_most("predict_ms_p99", facts.predict_ms, most)
    latest = [label for label in state.recent if label.known_at > rival.since]
    latest = latest[-settings.calibration_labels_min :]
    own, champion = (_silence(latest, v) for v in (rival.version, state.champion))
    yield _at_most("abstentions", own, champion + settings.abstention_points_max)
    if settings.parity_required:
        yield _at_most("parity_mismatches", facts.parity_mismatches, 0)


def _silence(labels: Sequence[Outcome], version: str) -> float:
    """The share of labels that it gave no answer to."""
    answered = sum(version in label.answers for label in labels)
    return 1 - answered / len(labels) if labels else 1.0


def _at_least(name: str, shown: float, demand: float) -> Check:
    return Check(name, shown, f">= {demand:g}", shown >= demand)


def _at_most(name: str, shown: float | None, demand: float) -> Check:
    return Check(name, shown, f"<= {demand:g}", shown is not None and shown <= demand)


def _above(name: str, shown: float | None, demand: float) -> Check:
    return Check(name, shown, f"> {demand:g}", shown is not None and shown > demand)


def _below(name: str, shown: float | None, demand: float) -> Check:
    return Check(name, shown, f"< {demand:g}", shown is not None and shown < demand)
