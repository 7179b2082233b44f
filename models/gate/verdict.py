"""What follows from the evidence: promote by canary steps, demote, or wait, with the reason."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from models.gate import conditions
from models.gate.conditions import Check, Facts
from models.gate.fold import PRIOR
from models.gate.settings import CANARY_STEPS, GateSettings
from models.gate.state import Canary, GateState, Rival
from streams.predictions import Alias

SECOND_NS = 1_000_000_000
UNKNOWN = Facts(refused="not registered")

Action = Literal["wait", "propose", "canary", "abort", "promote", "demote"]


class Verdict(msgspec.Struct, frozen=True):
    """What to do about a model now. candidate: whom it concerns; share: of vectors that it answers from then on.

    holds: whether the model is to be left alone after this until a person says otherwise.
    """

    action: Action
    reason: str
    candidate: str = ""
    share: float = 0.0
    holds: bool = False


def decide(
    state: GateState, alias: Alias, facts: Mapping[str, Facts], settings: GateSettings
) -> Verdict:
    """The verdict on what was counted so far. facts: of each version that is compared."""
    if state.clock < alias.effective_from:
        return Verdict("wait", "the last change has not taken effect yet")
    fallen = _demotion(state, alias, facts, settings)
    if fallen is not None:
        return fallen
    if alias.held:
        return Verdict("wait", "held")
    if state.canary is not None:
        return _canary(state, state.canary, alias, facts, settings)
    paused = _paused_until(state, settings)
    if state.clock < paused:
        left_s = (paused - state.clock) / SECOND_NS
        return Verdict("wait", f"paused after a demotion for {left_s:.0f} s")
    return _promotion(state, facts, settings)


def table(
    state: GateState, facts: Mapping[str, Facts], settings: GateSettings, held: bool
) -> dict[str, tuple[Check, ...]]:
    """The gate's table of each candidate."""
    return {
        version: conditions.checks(state, rival, facts.get(version, UNKNOWN), settings, held)
        for version, rival in state.candidates.items()
    }


def _promotion(state: GateState, facts: Mapping[str, Facts], settings: GateSettings) -> Verdict:
    tables = table(state, facts, settings, held=False)
    fit = [version for version, lines in tables.items() if all(line.passed for line in lines)]
    if not fit:
        return Verdict("wait", _nearest(state, tables))
    best = max(fit, key=lambda version: state.candidates[version].evidence)
    reason = f"E {state.candidates[best].evidence:.4g} and every other demand met"
    if not settings.auto_promote:
        return Verdict("propose", reason, best)
    return Verdict("canary", reason, best, CANARY_STEPS[0])


def _nearest(state: GateState, tables: Mapping[str, tuple[Check, ...]]) -> str:
    """Why not yet, of the candidate with the most evidence."""
    if not tables:
        return "no candidate"
    best = max(tables, key=lambda version: state.candidates[version].evidence)
    failed = [line.name for line in tables[best] if not line.passed]
    return f"{best}: {', '.join(failed)}"


def _canary(
    state: GateState,
    canary: Canary,
    alias: Alias,
    facts: Mapping[str, Facts],
    settings: GateSettings,
) -> Verdict:
    challenger = alias.challenger
    if canary.gap_bps < -settings.canary_loss_bps_max:
        reason = f"{canary.gap_bps:.1f} bps below the champion where it answered"
        return Verdict("abort", reason, challenger)
    own = facts.get(challenger, UNKNOWN)
    if own.refused:
        return Verdict("abort", f"it does not load: {own.refused}", challenger)
    points = _rejected_more(own, facts.get(state.champion, UNKNOWN), settings)
    if points > settings.canary_reject_points_max:
        reason = (
            f"{100 * points:.1f} points more of its orders were rejected than of the champion's"
        )
        return Verdict("abort", reason, challenger)
    seconds = (state.clock - canary.since) / SECOND_NS
    if seconds < settings.canary_s_min or canary.labels < settings.canary_labels_min:
        waited = f"{seconds:.0f} s and {canary.labels} labels of this step"
        return Verdict("wait", f"canary of {alias.canary_fraction:.0%}: {waited}", challenger)
    share = next(step for step in CANARY_STEPS if step > alias.canary_fraction)
    reason = f"the canary of {alias.canary_fraction:.0%} held"
    return Verdict("promote" if share == 1.0 else "canary", reason, challenger, share)


def _rejected_more(own: Facts, champion: Facts, settings: GateSettings) -> float:
    """By how much its share of rejected orders exceeds the champion's; 0 where either has sent too few to tell."""
    if min(own.orders, champion.orders) < settings.canary_orders_min:
        return 0.0
    return own.rejected / own.orders - champion.rejected / champion.orders


def _demotion(
    state: GateState, alias: Alias, facts: Mapping[str, Facts], settings: GateSettings
) -> Verdict | None:
    if state.champion == PRIOR:
        return None  # there is nothing beneath it
    reason = _unfit(state, facts, settings) or _overtaken(state, settings)
    if not reason:
        return None
    former = alias.previous
    loads = former and not facts.get(former, UNKNOWN).refused
    again = [at for at in state.demotions if at > state.clock - settings.demotions_s * SECOND_NS]
    holds = len(again) + 1 >= settings.demotions_max
    return Verdict("demote", reason, former if loads else PRIOR, holds=holds)


def _unfit(state: GateState, facts: Mapping[str, Facts], settings: GateSettings) -> str:
    """Why the champion may not serve on, whoever else is there; "" if it may."""
    if state.fault:
        return state.fault
    own = facts.get(state.champion)
    if own is not None and (own.refused or own.expired):
        return f"it does not load: {own.refused}" if own.refused else "expired"
    error = conditions.calibration_error(state, state.champion, state.since, settings)
    most = settings.demotion_calibration_error
    if error is None or error <= most:
        return ""
    return f"calibration error {error:.3f} > {most:g}"


def _overtaken(state: GateState, settings: GateSettings) -> str:
    ahead: list[Rival] = [
        guard for guard in state.guards.values() if guard.evidence >= settings.demotion_evidence
    ]
    if not ahead:
        return ""
    best = max(ahead, key=lambda guard: guard.evidence)
    return f"E {best.evidence:.4g} that {best.version} is better"


def _paused_until(state: GateState, settings: GateSettings) -> int:
    if not state.demotions:
        return 0
    return state.demotions[-1] + int(settings.pause_s * SECOND_NS)


def alias_of(
    verdict: Verdict, alias: Alias, clock: int, evidence: Any, by: str, settings: GateSettings
) -> Alias:
    """The alias that carries out a verdict, from `lead_s` past the newest clock on. evidence: canonical JSON.

    A challenger whose canary failed is no shadow any more, or its old evidence would bring it back at once.
    """
    assert verdict.action in ("canary", "abort", "promote", "demote"), (
        "only these change what serves"
    )
    new = msgspec.structs.replace(
        alias,
        epoch=alias.epoch + 1,
        effective_from=clock + int(settings.lead_s * SECOND_NS),
        evidence=evidence,
        by=by,
        reason=verdict.reason,
        challenger="",
        canary_fraction=0.0,
    )
    match verdict.action:
        case "canary":
            shadows = tuple(v for v in alias.shadows if v != verdict.candidate)
            return msgspec.structs.replace(
                new,
                action="canary",
                challenger=verdict.candidate,
                canary_fraction=verdict.share,
                shadows=shadows,
            )
        case "abort":
            return msgspec.structs.replace(new, action="shadow")
        case action:
            return succeeded(new, alias, verdict.candidate, action, settings, verdict.holds)


def approved(proposal: Verdict) -> Verdict:
    """What becomes of a proposal once a person agrees: its first canary step."""
    assert proposal.action == "propose"
    return msgspec.structs.replace(proposal, action="canary", share=CANARY_STEPS[0])


def entries_of(
    alias: Alias, clock: int, below_cost: bool, by: str, settings: GateSettings
) -> Alias:
    """The alias that lets entries be made on the champion's answers, or ends that."""
    return msgspec.structs.replace(
        alias,
        epoch=alias.epoch + 1,
        effective_from=clock + int(settings.lead_s * SECOND_NS),
        action="entries",
        below_cost=below_cost,
        evidence="",
        by=by,
        reason="it earns its costs no more" if below_cost else "it earns its costs",
    )


def succeeded(
    new: Alias,
    alias: Alias,
    champion: str,
    action: Literal["promote", "demote", "rollback"],
    settings: GateSettings,
    holds: bool = False,
) -> Alias:
    """`new` with another champion: the former one and an unfinished challenger shadow on.

    It has yet to show that it earns its costs.
    """
    shadows = dict.fromkeys((alias.champion, alias.challenger, *alias.shadows))
    return msgspec.structs.replace(
        new,
        action=action,
        champion=champion,
        previous=alias.champion,
        challenger="",
        canary_fraction=0.0,
        shadows=tuple(version for version in shadows if version and version != champion),
        below_cost=settings.must_earn_first,
        held=alias.held or holds,
    )
