"""Which labels the gate counts, and how it follows the aliases."""

from random import Random

import msgspec

from models.gate.fold import after_cost_bps, follow, take, take_all
from models.gate.state import GateState
from models.gate.wager import Wager
from tests.gate import stream
from tests.gate.stream import QUICK, SECOND_NS, START, alias, example, strict

ANSWERS = {"lin": 0.4, "adam": 0.6, "prior": 0.5}


def _gate(symbols: tuple[str, ...] = ("BTC",)) -> GateState:
    state = GateState()
    follow(state, alias(), QUICK)
    take_all(state, [example(0, ANSWERS, True, symbol=symbol) for symbol in symbols], QUICK)
    return state


def test_a_label_counts_only_once_the_last_one_was_known() -> None:
    state = _gate()
    half = SECOND_NS // 2
    assert not take(state, example(0, ANSWERS, True, time=START + half), QUICK)
    assert take(state, example(0, ANSWERS, True, time=START + SECOND_NS), QUICK)
    assert not take(state, example(0, ANSWERS, True, time=START + SECOND_NS + half), QUICK)
    assert take(state, example(0, ANSWERS, True, time=START + half, symbol="ETH"), QUICK)


def test_a_label_without_an_outcome_neither_counts_nor_blocks_the_next() -> None:
    state = _gate()
    for end in ("flat", "censored", "ambiguous", "expired", "overflow"):
        assert not take(state, example(1, ANSWERS, True, state=end), QUICK)
    assert take(state, example(1, ANSWERS, True), QUICK)


def test_symbols_are_fixed_before_the_first_bet() -> None:
    state = _gate(("BTC", "ETH"))
    assert state.candidates["adam"].symbols == ("BTC", "ETH")
    assert state.candidates["adam"].gains == {}
    take_all(state, [example(1, ANSWERS, True, symbol=s) for s in ("BTC", "SOL")], QUICK)
    assert set(state.candidates["adam"].gains) == {"BTC"}
    assert state.candidates["adam"].symbols == ("BTC", "ETH")


def test_an_abstention_of_either_is_no_bet() -> None:
    state = _gate()
    take(state, example(1, ANSWERS | {"lin": None}, True), QUICK)
    take(state, example(2, ANSWERS | {"adam": None}, True), QUICK)
    assert state.candidates["adam"].gains == {}
    take(state, example(3, ANSWERS, True), QUICK)
    assert state.candidates["adam"].gains["BTC"].bets == 1


def test_a_new_champion_starts_the_comparisons_anew_from_its_event_time() -> None:
    state = _gate()
    take(state, example(1, ANSWERS, True), QUICK)
    since = START + 10 * SECOND_NS
    taken_over = alias(
        epoch=2, champion="adam", previous="lin", shadows=("lin", "qi"), effective_from=since
    )
    follow(state, taken_over, QUICK)
    assert (state.champion, state.since, state.admitted) == ("adam", since, 2)
    assert set(state.guards) == {"lin", "prior"}
    take_all(state, [example(2, ANSWERS, True)], QUICK)
    take(state, example(9, ANSWERS, True), QUICK)
    assert state.candidates["lin"].gains == {}
    take(state, example(10, ANSWERS, True), QUICK)
    assert state.candidates["lin"].gains["BTC"].bets == 1


def test_an_older_alias_is_not_followed() -> None:
    state = _gate()
    follow(state, alias(epoch=5, champion="adam"), QUICK)
    follow(state, alias(epoch=4, champion="qi"), QUICK)
    assert state.champion == "adam"


def test_four_candidates_at_most_and_each_new_one_is_numbered_on() -> None:
    state = GateState()
    follow(state, alias(shadows=("a", "b", "c", "d", "e", "prior", "no_change")), QUICK)
    assert [(r.version, r.order) for r in state.candidates.values()] == [
        ("a", 1), ("b", 2), ("c", 3), ("d", 4),
    ]  # fmt: skip
    follow(state, alias(epoch=2, shadows=("b", "c", "d", "e")), QUICK)
    assert list(state.candidates) == ["b", "c", "d", "e"]
    assert state.candidates["e"].order == 5
    follow(state, alias(epoch=3, shadows=("new", "b", "c", "d", "e")), QUICK)
    assert list(state.candidates) == ["b", "c", "d", "new"]
    assert state.candidates["new"].order == 6


def test_no_more_labels_are_kept_than_the_setting_says() -> None:
    state = GateState()
    few = strict(recent_labels=3)
    take_all(state, [example(number, ANSWERS, True) for number in range(10)], few)
    assert [label.known_at for label in state.recent] == [
        START + number * SECOND_NS for number in (8, 9, 10)
    ]


def test_an_answer_is_traded_only_where_its_edge_is_above_the_cost() -> None:
    assert after_cost_bps(0.75, 4.0, 10.0, 5.0) == 0.0
    assert after_cost_bps(0.76, 4.0, 10.0, 5.0) == -1.0
    assert after_cost_bps(0.1, -9.0, 10.0, 5.0) == 4.0


def test_the_state_is_the_same_after_it_rested_as_json() -> None:
    state = stream.gate(seconds=30)
    again = msgspec.json.decode(msgspec.json.encode(state), type=GateState)
    assert again == state
    assert isinstance(again.candidates["adam"].gains["BTC"], Wager)


def test_where_a_batch_of_examples_ends_changes_nothing() -> None:
    draw = Random(7)
    examples = list(stream.BETTER.examples(draw, 60))
    whole, parts = _gate(("BTC", "ETH")), _gate(("BTC", "ETH"))
    take_all(whole, examples, QUICK)
    for start in range(0, len(examples), 7):
        take_all(parts, examples[start : start + 7], QUICK)
    assert whole == parts
