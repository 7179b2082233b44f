"""What the gate knew when it decided: kept with each decision, shown in the view and by `headrace models list`."""

from collections.abc import Mapping

import msgspec

from models import skill
from models.gate import conditions, verdict, wager
from models.gate.conditions import Check, Facts
from models.gate.fold import NO_CHANGE, PRIOR
from models.gate.settings import GateSettings
from models.gate.state import GateState
from streams.predictions import Alias


class Standing(msgspec.Struct, frozen=True):
    """How a version's logged answers did over the kept gate labels. None: nothing defines it."""

    version: str
    role: str
    labels: int
    brier: float | None
    accuracy: float | None
    calibration_error: float | None
    kappa_t: float | None
    kappa_m: float | None


class Candidacy(msgspec.Struct, frozen=True):
    """A candidate's way to the top. to_decision: labels to go at its pace so far, None where it gains nothing."""

    order: int
    evidence: float
    threshold: float
    labels: int
    to_decision: int | None
    checks: tuple[Check, ...]


class Evidence(msgspec.Struct, frozen=True):
    """Of one model at one time. guards: E that each is better than the champion; entry: that it earns its costs.

    settings: those that are not production's.
    """

    model: str
    epoch: int
    champion: str
    clock: int
    labels: int
    canary: float
    standings: tuple[Standing, ...]
    candidates: dict[str, Candidacy]
    guards: dict[str, float]
    entry: float
    settings: dict[str, object]


def gathered(
    state: GateState, alias: Alias, facts: Mapping[str, Facts], settings: GateSettings
) -> Evidence:
    """All of it."""
    tables = verdict.table(state, facts, settings, alias.held)
    return Evidence(
        model=alias.model,
        epoch=alias.epoch,
        champion=state.champion,
        clock=state.clock,
        labels=state.labels,
        canary=alias.canary_fraction,
        standings=standings(state, alias),
        candidates={
            version: Candidacy(
                rival.order,
                rival.evidence,
                wager.threshold(rival.order, settings),
                rival.labels,
                conditions.labels_to_decision(rival, settings),
                tables[version],
            )
            for version, rival in state.candidates.items()
        },
        guards={version: rival.evidence for version, rival in state.guards.items()},
        entry=state.entry_evidence,
        settings=settings.changed(),
    )


def standings(state: GateState, alias: Alias) -> tuple[Standing, ...]:
    """Every version that answered, the champion first, then the challenger and the rest by name."""
    names = {version for label in state.recent for version in label.answers}
    order = sorted(names, key=lambda name: (name != alias.champion, name != alias.challenger, name))
    return tuple(_standing(state, alias, version) for version in order)


def _standing(state: GateState, alias: Alias, version: str) -> Standing:
    (own,), y = conditions.answers(state, 0, version)
    return Standing(
        version=version,
        role=role(alias, version),
        labels=len(y),
        brier=skill.brier(own, y),
        accuracy=skill.accuracy(own, y),
        calibration_error=skill.ece(own, y),
        kappa_t=conditions.kappa(state, version, NO_CHANGE, 0),
        kappa_m=conditions.kappa(state, version, PRIOR, 0),
    )


def role(alias: Alias, version: str) -> str:
    """champion, challenger, shadow, or baseline."""
    if version == alias.champion:
        return "champion"
    if version == alias.challenger:
        return "challenger"
    return "shadow" if version in alias.shadows else "baseline"
