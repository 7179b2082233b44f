"""Counts examples into the gate's state: only labels that do not overlap, each answer against the champion's."""

from collections.abc import Iterable, Mapping

from models.gate import wager
from models.gate.settings import GateSettings
from models.gate.state import Canary, GateState, Outcome, Rival, Seen
from models.gate.wager import Wager
from streams.predictions import Alias, Example

PRIOR, NO_CHANGE = "prior", "no_change"
FAULTS = frozenset({"nonfinite_state", "model_expired", "format_unsupported", "model_missing"})
"""Reasons for no answer that end a champion's service."""

DEMOTIONS_KEPT = 10
SECOND_NS = 1_000_000_000


def follow(state: GateState, alias: Alias, settings: GateSettings) -> None:
    """Bring the comparisons to what this alias says; a new champion begins them anew."""
    if alias.epoch <= state.epoch:
        return
    state.epoch = alias.epoch
    if alias.champion != state.champion:
        state.champion, state.since = alias.champion, alias.effective_from
        state.candidates, state.guards, state.entries = {}, {}, {}
        state.admitted, state.fault = 0, ""
    if alias.action == "demote":
        state.demotions = [*state.demotions, alias.effective_from][-DEMOTIONS_KEPT:]
    state.canary = _step(state.canary, alias)
    _watch(state, alias)
    _admit(state, alias, settings)


def _step(canary: Canary | None, alias: Alias) -> Canary | None:
    """The canary's step: the one under way, if this alias does not change its share."""
    share = alias.canary_fraction
    if canary is not None and canary.share == share:
        return canary
    return Canary(alias.effective_from, share) if 0 < share < 1 else None


def _watch(state: GateState, alias: Alias) -> None:
    """The former champion and `prior` are what the champion must not fall behind."""
    for version in dict.fromkeys((alias.previous, PRIOR)):
        if version and version not in (state.champion, *state.guards):
            state.guards[version] = Rival(version, state.since, symbols=_known(state))


def _admit(state: GateState, alias: Alias, settings: GateSettings) -> None:
    """The first shadows are candidates, as many as there is room for; one that comes back begins anew."""
    never = ("", state.champion, PRIOR, NO_CHANGE)
    named = dict.fromkeys(v for v in (alias.challenger, *alias.shadows) if v not in never)
    wanted = tuple(named)[: settings.candidates_max]
    for version in state.candidates.keys() - set(wanted):
        del state.candidates[version]
    for version in wanted:
        if version in state.candidates:
            continue
        state.admitted += 1
        since = max(state.since, alias.effective_from)
        state.candidates[version] = Rival(version, since, state.admitted, _known(state))


def _known(state: GateState) -> tuple[str, ...]:
    return tuple(sorted(state.symbols))


def take_all(state: GateState, examples: Iterable[Example], settings: GateSettings) -> int:
    """Count these examples, each symbol's in the order in which they were known; returns how many gave a gate label.

    A rival bets on the symbols that were known when it began; where none was, on those of its first examples, from
    the next ones on.
    """
    taken = sum(take(state, example, settings) for example in examples)
    for rival in (*state.candidates.values(), *state.guards.values()):
        if not rival.symbols:
            rival.symbols = _known(state)
    return taken


def take(state: GateState, example: Example, settings: GateSettings) -> bool:
    """Count one example; whether it is a gate label: labelled, and its vector not before the last one was known."""
    state.clock = max(state.clock, example.known_at)
    seen = state.symbols.setdefault(example.symbol, Seen())
    _note_fault(state, example)
    if example.state != "labelled" or example.y is None or example.r_bps is None:
        return False
    if example.time < seen.taken_until:
        return False
    answers = {answer.version: answer.p for answer in example.outputs if answer.p is not None}
    label = Outcome(example.known_at, example.y == 1, answers)
    earned = _earned(example, answers, seen)
    for rival in (*state.candidates.values(), *state.guards.values()):
        _compare(state, rival, example, label, earned, settings)
    _count_champion(state, example, earned, settings)
    _count_canary(state, example, earned)
    state.labels += 1
    state.recent = [*state.recent[1 - settings.recent_labels :], label]
    seen.taken_until = example.known_at
    seen.returns += 1
    seen.move_bps += (abs(example.r_bps) - seen.move_bps) / seen.returns
    return True


def _note_fault(state: GateState, example: Example) -> None:
    if example.time < state.since:
        return
    for answer in example.outputs:
        if answer.version == state.champion:
            state.fault = answer.abstain if answer.abstain in FAULTS else ""


def after_cost_bps(p: float, r_bps: float, move_bps: float, cost_bps: float) -> float:
    """What trading on an answer would have brought: nothing where the edge that it claims is below the cost.

    move_bps: mean size of earlier returns, so that (2p - 1) x move_bps is the claimed edge.
    """
    if abs(2 * p - 1) * move_bps <= cost_bps:
        return 0.0
    return (r_bps if p > 0.5 else -r_bps) - cost_bps


def _earned(example: Example, answers: Mapping[str, float], seen: Seen) -> dict[str, float]:
    """What each version's answer would have brought, in basis points of notional."""
    r_bps = example.r_bps or 0.0
    return {
        version: after_cost_bps(p, r_bps, seen.move_bps, example.cost_bps)
        for version, p in answers.items()
    }


def _compare(
    state: GateState,
    rival: Rival,
    example: Example,
    label: Outcome,
    earned: Mapping[str, float],
    settings: GateSettings,
) -> None:
    if example.time < rival.since or example.symbol not in rival.symbols:
        return
    old, new = label.answers.get(state.champion), label.answers.get(rival.version)
    if new is None:
        return
    rival.labels += 1
    rival.ups += label.up
    rival.first_at = rival.first_at or example.time
    rival.last_at = max(rival.last_at, example.known_at)
    _book(rival, earned.get(rival.version, 0.0), earned.get(state.champion, 0.0))
    if old is None:
        return
    if wager.is_bet(old, new, settings):
        gained = wager.gain(old, new, label.up)
        wager.bet(_of(rival.gains, example.symbol), gained, settings)
    behind = earned.get(state.champion, 0.0) - earned.get(rival.version, 0.0)
    wager.bet(_of(rival.costs, example.symbol), _clipped(behind, settings), settings)


def _book(rival: Rival, brought: float, champion_brought: float) -> None:
    rival.pnl_bps += brought
    rival.champion_pnl_bps += champion_brought
    rival.equity *= 1 + brought / 10_000
    rival.peak = max(rival.peak, rival.equity)
    rival.drawdown = min(rival.drawdown, rival.equity / rival.peak - 1)


def _count_champion(
    state: GateState, example: Example, earned: Mapping[str, float], settings: GateSettings
) -> None:
    if example.time >= state.since and state.champion in earned:
        brought = _clipped(earned[state.champion], settings)
        wager.bet(_of(state.entries, example.symbol), brought, settings)


def _count_canary(state: GateState, example: Example, earned: Mapping[str, float]) -> None:
    canary = state.canary
    if canary is None or example.time < canary.since:
        return
    canary.labels += 1
    if example.version not in ("", state.champion):
        canary.gap_bps += earned.get(example.version, 0.0) - earned.get(state.champion, 0.0)


def _of(wagers: dict[str, Wager], symbol: str) -> Wager:
    return wagers.setdefault(symbol, Wager())


def _clipped(bps: float, settings: GateSettings) -> float:
    """Money as a gain: clipped, and half of it at most at stake."""
    most = settings.cost_clip_bps
    return min(max(bps, -most), most) / (2 * most)
