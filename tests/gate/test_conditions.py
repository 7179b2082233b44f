"""Each demand of the gate alone can keep a candidate out that meets all others."""

from collections.abc import Callable

import pytest

from models.gate import verdict
from models.gate.conditions import Facts, labels_to_decision
from models.gate.settings import GateSettings, SettingRefused, parse
from models.gate.state import GateState
from models.gate.wager import Wager
from tests.gate import stream
from tests.gate.stream import QUICK, READY, strict

Change = Callable[[GateState], None]


def _failed(
    state: GateState, facts: Facts = READY, settings: GateSettings = QUICK, held: bool = False
) -> list[str]:
    lines = verdict.table(state, stream.all_ready(adam=facts), settings, held)["adam"]
    return [line.name for line in lines if not line.passed]


def _answers(to: Callable[[float, bool], float]) -> Change:
    """Another answer of the candidate to each kept label."""

    def change(state: GateState) -> None:
        for label in state.recent:
            label.answers["adam"] = to(label.answers["adam"], label.up)

    return change


def _other(version: str, to: Callable[[bool], float]) -> Change:
    def change(state: GateState) -> None:
        for label in state.recent:
            label.answers[version] = to(label.up)

    return change


def _silent(state: GateState) -> None:
    for label in state.recent[::10]:
        del label.answers["adam"]


def _few_labels(state: GateState) -> None:
    state.candidates["adam"].labels, state.candidates["adam"].ups = 99, 50


def _nearly_always_right(state: GateState) -> None:
    _other("no_change", lambda up: 0.9 if up else 0.1)(state)
    state.recent[0].answers["no_change"] = 0.1 if state.recent[0].up else 0.9


def _set(name: str, value: object) -> Change:
    return lambda state: setattr(state.candidates["adam"], name, value)


def test_a_better_version_passes_every_demand() -> None:
    assert _failed(stream.gate()) == []


@pytest.mark.parametrize(
    ("demand", "change"),
    [
        ("evidence", _set("gains", {})),
        ("labels", _few_labels),
        ("labels_of_each_class", _set("ups", 29)),
        ("event_seconds", _set("last_at", stream.START)),
        ("calibration_error", _answers(lambda p, up: 0.5 + (p - 0.5) * 0.2)),
        ("kappa_t", _nearly_always_right),
        ("kappa_m", _other("prior", lambda up: 0.51 if up else 0.49)),
        ("after_cost_bps", _set("champion_pnl_bps", 1.0)),
        ("evidence_of_loss", _set("costs", {"BTC": Wager(log_wealth=4.0)})),
        ("drawdown", _set("drawdown", -0.11)),
        ("abstentions", _silent),
    ],
)
def test_each_demand_alone_keeps_a_candidate_out(demand: str, change: Change) -> None:
    state = stream.gate()
    change(state)
    assert _failed(state) == [demand]


def test_a_brier_score_above_the_priors_alone_keeps_a_candidate_out() -> None:
    state = stream.gate()
    for label in state.recent:
        label.answers["prior"] = 0.501 if not label.up else 0.499  # wrong, but by a hair
        label.answers["adam"] = 0.9 if label.up else 0.1
    wrong = [label for label in state.recent if label.up][::3] + [
        label for label in state.recent if not label.up
    ][::3]
    for label in wrong:
        label.answers["adam"] = 0.9 if not label.up else 0.1
    assert set(_failed(state, settings=strict(calibration_error_max=1.0))) == {"brier"}


@pytest.mark.parametrize(
    ("demand", "facts"),
    [
        ("predict_ms_p99", Facts(parity_mismatches=0)),
        ("predict_ms_p99", Facts(predict_ms=1.1, parity_mismatches=0)),
        ("predict_ms_p99", Facts(lane="heavy", predict_ms=51.0, parity_mismatches=0)),
        ("parity_mismatches", Facts(predict_ms=0.1)),
        ("parity_mismatches", Facts(predict_ms=0.1, parity_mismatches=1)),
        ("loads", Facts(refused="sha256", predict_ms=0.1, parity_mismatches=0)),
        ("not_expired", Facts(expired=True, predict_ms=0.1, parity_mismatches=0)),
    ],
)
def test_each_fact_alone_keeps_a_candidate_out(demand: str, facts: Facts) -> None:
    assert _failed(stream.gate(), facts) == [demand]


def test_a_model_that_is_held_promotes_nobody() -> None:
    assert _failed(stream.gate(), held=True) == ["not_held"]


def test_a_slower_answer_is_enough_of_a_heavy_version() -> None:
    assert not _failed(stream.gate(), Facts(lane="heavy", predict_ms=49.0, parity_mismatches=0))


def test_a_fourth_candidate_needs_sixteen_times_the_evidence() -> None:
    state = stream.gate()
    state.candidates["adam"].gains = {
        symbol: Wager(log_wealth=4.0) for symbol in state.candidates["adam"].symbols
    }
    assert _failed(state) == []
    state.candidates["adam"].order = 4
    assert _failed(state) == ["evidence"]


def test_the_labels_still_needed_follow_the_pace_so_far() -> None:
    rival = stream.gate().candidates["adam"]
    rival.gains = {symbol: Wager(log_wealth=1.0) for symbol in rival.symbols}
    rival.labels = 100
    assert labels_to_decision(rival, QUICK) == 250  # ln 32.9 = 3.49, at a hundredth a label
    rival.gains = {}
    assert labels_to_decision(rival, QUICK) is None


def test_settings_are_read_by_name_and_shown_where_they_differ() -> None:
    assert parse("labels_min=50, auto_promote=true").changed() == {
        "labels_min": 50,
        "auto_promote": True,
    }
    assert GateSettings().changed() == {}
    for wrong in ("labels=5", "labels_min=few", "auto_promote=yes"):
        with pytest.raises(SettingRefused):
            parse(wrong)
