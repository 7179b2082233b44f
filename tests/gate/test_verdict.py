"""What the gate decides: promote by canary steps, demote at once where it must, wait where it knows too little."""

import json
from random import Random

import msgspec
import pytest

from models.gate import verdict
from models.gate.conditions import Facts
from models.gate.fold import follow, take_all
from models.gate.settings import GateSettings
from models.gate.state import GateState
from models.gate.verdict import Verdict
from streams.predictions import Alias
from tests.gate import stream
from tests.gate.stream import MODEL, QUICK, SECOND_NS, Market, alias, strict

BROKEN = Facts(refused="sha256")


def _decide(
    state: GateState,
    now: Alias | None = None,
    settings: GateSettings = QUICK,
    **facts: Facts,
) -> Verdict:
    at = alias() if now is None else now
    return verdict.decide(state, at, stream.all_ready(**facts), settings)


def _carried_out(
    state: GateState, found: Verdict, now: Alias, settings: GateSettings = QUICK
) -> Alias:
    new = verdict.alias_of(found, now, state.clock, "{}", "gate", settings)
    follow(state, new, settings)
    return new


def test_a_better_version_is_proposed_where_a_person_promotes() -> None:
    found = _decide(stream.gate(), settings=strict(auto_promote=False))
    assert (found.action, found.candidate) == ("propose", "adam")


def test_it_waits_and_says_for_what() -> None:
    found = _decide(stream.gate(seconds=40))
    assert found.action == "wait"
    assert "labels" in found.reason
    assert "event_seconds" in found.reason


def test_a_better_version_comes_by_canary_steps_to_the_whole() -> None:
    state, now, draw = stream.gate(), alias(), Random(2)
    steps, second = [], 305
    for _ in range(40):
        found = _decide(state, now)
        if found.action != "wait":
            steps.append((found.action, found.share))
            now = _carried_out(state, found, now)
        if found.action == "promote":
            break
        take_all(state, stream.BETTER.examples(draw, 10, first=second), QUICK)
        second += 10
    assert steps == [("canary", 0.05), ("canary", 0.25), ("promote", 1.0)]
    assert (now.champion, now.previous, now.challenger) == ("adam", "lin", "")
    assert now.epoch == 4
    assert "lin" in now.shadows


def test_a_change_takes_effect_a_lead_behind_the_newest_clock() -> None:
    state = stream.gate()
    new = _carried_out(state, _decide(state), alias())
    assert new.effective_from == state.clock + 30 * SECOND_NS
    assert (new.action, new.challenger, new.canary_fraction) == ("canary", "adam", 0.05)
    assert _decide(state, new).reason == "the last change has not taken effect yet"


def test_a_canary_that_loses_money_is_ended_and_its_evidence_does_not_bring_it_back() -> None:
    state = stream.gate()
    now = _carried_out(state, _decide(state), alias())
    take_all(state, stream.BETTER.examples(Random(3), 60, first=310), QUICK)
    assert state.canary is not None
    state.canary.gap_bps = -201.0
    found = _decide(state, now)
    assert found.action == "abort"
    ended = _carried_out(state, found, now)
    assert (ended.action, ended.challenger, ended.shadows) == ("shadow", "", ("qi",))
    take_all(state, stream.BETTER.examples(Random(4), 60, first=400), QUICK)
    assert _decide(state, ended).action == "wait"


def test_a_canary_that_does_not_load_is_ended() -> None:
    state = stream.gate()
    now = _carried_out(state, _decide(state), alias())
    take_all(state, stream.BETTER.examples(Random(3), 60, first=310), QUICK)
    assert _decide(state, now, adam=BROKEN).reason == "it does not load: sha256"


@pytest.mark.parametrize(
    ("orders", "rejected", "action"), [(100, 12, "abort"), (100, 11, "wait"), (99, 99, "wait")]
)
def test_a_canary_whose_orders_are_rejected_more_often_is_ended(
    orders: int, rejected: int, action: str
) -> None:
    state = stream.gate()
    now = _carried_out(state, _decide(state), alias())
    take_all(state, stream.BETTER.examples(Random(3), 15, first=336), QUICK)
    adam = Facts(orders=orders, rejected=rejected)
    lin = Facts(orders=1_000, rejected=100)
    assert _decide(state, now, adam=adam, lin=lin).action == action


def test_a_held_model_is_left_alone() -> None:
    assert _decide(stream.gate(), alias(held=True)) == Verdict("wait", "held")


RANDOM = Market({"adam": 1.0, "lin": 0.8, "qi": 0.1})


def _serving(seed: int) -> tuple[GateState, Alias]:
    """`adam` has taken over from `lin`, and then answers by chance."""
    now = alias(epoch=2, champion="adam", previous="lin", shadows=("lin",), action="promote")
    state = stream.gate(RANDOM, 50, seed=seed, start=now)
    return state, now


def _until_demoted(seed: int, seconds: int = 300) -> int | None:
    state, now = _serving(seed)
    draw = Random(seed)
    for second in range(seconds):
        at_random = [
            msgspec.structs.replace(
                each,
                outputs=tuple(
                    msgspec.structs.replace(answer, p=draw.random())
                    if answer.version == "adam"
                    else answer
                    for answer in each.outputs
                ),
            )
            for each in RANDOM.examples(draw, 1, first=60 + second)
        ]
        take_all(state, at_random, QUICK)
        if _decide(state, now).action == "demote":
            return second
    return None


@pytest.mark.parametrize("seeds", [range(20)])
def test_a_champion_that_answers_by_chance_is_demoted(seeds: range) -> None:
    assert None not in [_until_demoted(seed) for seed in seeds]


@pytest.mark.soak
def test_a_champion_that_answers_by_chance_is_demoted_in_all_of_two_hundred_runs() -> None:
    after = [_until_demoted(seed) for seed in range(200)]
    assert None not in after
    print(f"demoted after a median of {sorted(after)[100]} s, at most {max(after)}")  # type: ignore[type-var]  # none is None


def test_a_good_champion_stays() -> None:
    state, now = _serving(1)
    take_all(state, RANDOM.examples(Random(5), 300, first=60), QUICK)
    assert _decide(state, now).action == "wait"


@pytest.mark.parametrize("reason", ["nonfinite_state", "model_expired", "format_unsupported"])
def test_a_champion_that_cannot_answer_is_demoted_at_once(reason: str) -> None:
    state, now = _serving(1)
    answers = {"adam": None, "lin": 0.5, "prior": 0.5}
    take_all(state, [stream.example(70, answers, True, abstain=reason)], QUICK)
    found = _decide(state, now)
    assert (found.action, found.reason, found.candidate) == ("demote", reason, "lin")


def test_an_abstention_for_one_vector_demotes_nobody() -> None:
    state, now = _serving(1)
    answers = {"adam": None, "lin": 0.5, "prior": 0.5}
    take_all(state, [stream.example(70, answers, True, abstain="out_of_distribution")], QUICK)
    assert _decide(state, now).action == "wait"


def test_a_champion_that_is_far_from_calibrated_is_demoted_at_once() -> None:
    state, now = _serving(1)
    for label in state.recent:
        label.answers["adam"] = 0.95 if label.answers["adam"] > 0.5 else 0.05
    assert _decide(state, now, strict(demotion_calibration_error=0.15)).reason.startswith(
        "calibration error"
    )


def test_the_former_champion_takes_over_if_it_loads_and_else_the_prior() -> None:
    state, now = _serving(1)
    assert _decide(state, now, adam=BROKEN).candidate == "lin"
    assert _decide(state, now, adam=BROKEN, lin=BROKEN).candidate == "prior"
    assert _decide(state, now, adam=Facts(expired=True)).reason == "expired"


def test_after_a_demotion_nobody_is_promoted_for_six_hours() -> None:
    state, now = _serving(1)
    demoted = _carried_out(state, _decide(state, now, adam=BROKEN), now)
    assert (demoted.champion, demoted.previous, demoted.held) == ("lin", "adam", False)
    better = Market({"lin": 0.0, "adam": 1.0, "qi": 0.1})
    take_all(state, better.examples(Random(1), 600, first=100), strict(demotion_evidence=1e9))
    found = _decide(state, demoted, strict(demotion_evidence=1e9))
    assert found.reason.startswith("paused after a demotion for 20")
    state.clock += 6 * 3600 * SECOND_NS
    found = _decide(state, demoted, strict(demotion_evidence=1e9))
    assert (found.action, found.candidate) == ("canary", "adam"), found.reason


def test_two_demotions_within_a_day_hold_the_model() -> None:
    state, now = _serving(1)
    once = _carried_out(state, _decide(state, now, adam=BROKEN), now)
    take_all(state, RANDOM.examples(Random(1), 60, first=200), QUICK)
    twice = _carried_out(state, _decide(state, once, lin=BROKEN), once)
    assert (twice.action, twice.champion, twice.held) == ("demote", "adam", True)


def test_there_is_nothing_beneath_the_prior() -> None:
    now = alias(champion="prior")
    assert _decide(stream.gate(start=now), now, prior=BROKEN).action != "demote"


def test_evidence_is_published_as_json_and_never_as_a_p_value() -> None:
    state = stream.gate()
    lines = verdict.table(state, stream.all_ready(), QUICK, held=False)
    told = json.loads(msgspec.json.encode(lines))
    assert {line["name"] for line in told["adam"]} >= {"evidence", "kappa_t", "drawdown"}
    assert MODEL not in told
